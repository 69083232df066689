package analysis

import (
	"math"
	"slices"

	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/retry"
)

// Load says how much more a pipeline asks of what it calls than its callers ask of it.
type Load struct {
	// Most is the load of one call, in runs of the function. It is the factor for all
	// calls while they fail, unless a budget limits it.
	Most Count `json:"most"`
	// Average is the factor for many failing calls, limited by the budgets. It is Most if
	// there are none.
	Average Factor `json:"average"`
	// PerSecond is how many more runs in a second budgets grant in addition, however few
	// calls there are.
	PerSecond Factor `json:"per_second,omitempty"`
	// Budgets names the budgets, outermost first. A hedge's own is "hedge".
	Budgets []string `json:"budgets,omitempty"`
}

// level is a policy that repeats calls.
type level struct {
	view   *view
	kind   string // "retry" or "hedge"
	times  Count
	budget *part[retry.BudgetConfig] // nil for none
}

// levels returns the policies of a call that repeat, outermost first. limit is as for
// worst.
func (v *view) levels(limit Span) []level {
	var all []level
	for ; v != nil; v = v.inner {
		limit = min(limit, orUnbounded(v.spec.TotalTimeout))
		if v.spec.Retry != nil {
			all = append(all, level{v, "retry", delaysOf(*v.spec.Retry).within(limit), v.retryBudget})
		}
		if h := v.spec.Hedge; h != nil {
			budget := v.hedgeBudget
			if budget == nil && h.Budget != hedge.NoBudget {
				budget = &part[retry.BudgetConfig]{name: "hedge", path: v.at + ".hedge", cfg: ownBudget()}
			}
			all = append(all, level{v, "hedge", v.extra(v.attempt(limit).time, limit) + 1, budget})
		}
		limit = min(limit, orUnbounded(v.spec.AttemptTimeout))
	}
	return slices.DeleteFunc(all, func(l level) bool { return l.times == 1 })
}

// load returns the factors of a call.
func (v *view) load() Load {
	load := Load{Most: v.worst(Unbounded).runs}
	levels := v.levels(Unbounded)
	shared := map[string]Count{} // by budget, how often its levels repeat a call together
	counted := make([]bool, len(levels))
	for i, l := range levels {
		if l.budget == nil {
			continue
		}
		if shared[l.budget.path] == 0 { // a budget counts a call at the outermost of its levels
			shared[l.budget.path], counted[i] = 1, true
			load.Budgets = append(load.Budgets, l.budget.name)
		}
		shared[l.budget.path] = shared[l.budget.path].times(l.times)
	}
	average, perSecond := 1.0, 0.0
	for i, l := range slices.Backward(levels) {
		switch {
		case l.budget == nil:
			average *= float64(l.times.factor())
			perSecond *= float64(l.times.factor())
		case counted[i]:
			perSecond += max(0, l.budget.cfg.MinPerSecond) * average
			average *= 1 + min(l.budget.cfg.Ratio, float64(shared[l.budget.path].factor())-1)
		}
	}
	if math.IsNaN(perSecond) { // none, unlimited times
		perSecond = 0
	}
	load.Average, load.PerSecond = Factor(average), Factor(perSecond)
	return load
}
