package analysis

import (
	"math"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/retry"
)

// lone is what one call does by itself, with fresh circuits, budgets and queues, if all
// runs of its function end alike. Where it equals the bounds, these are reached.
type lone struct {
	runs   Count
	took   Span
	unsure bool // it is not known exactly
}

func (l lone) reaches(runs Count) bool { return !l.unsure && l.runs == runs }

// hang returns what a call does whose every run lasts until its context ends, and whose
// delays are the longest. left is how long the context of the caller has.
func (v *view) hang(left Span) lone {
	return v.alone(left, almostOne, func(left Span) lone {
		limit := min(left, orUnbounded(v.spec.AttemptTimeout))
		if v.inner != nil {
			return v.hangHedged(v.inner.hang(limit), left)
		}
		return v.hangHedged(lone{runs: 1, took: limit}, left)
	})
}

// hangHedged returns what a hedge makes of one attempt that hangs.
func (v *view) hangHedged(one lone, left Span) lone {
	h := v.spec.Hedge
	extra := v.extra(one.took, left)
	if extra == 0 || h.Delay == 0 && !h.OnFailure { // or nothing has been learned yet
		return one
	}
	all := lone{one.runs.times(extra + 1), one.took.times(extra + 1), one.unsure}
	switch {
	case h.Delay == hedge.AtOnce:
		all.took = one.took
	case h.Delay > 0 && Span(h.Delay) <= one.took:
		all.took = Span(h.Delay).times(extra).plus(one.took)
		tie := Span(h.Delay) == one.took || Span(h.Delay).times(extra) == left
		all.unsure = all.unsure || tie || h.OnFailure && extra > 1
	}
	return v.cut(all, one, left)
}

// cut marks what a hedge makes of one attempt as not known if the time is up before its
// last attempt has begun, or has done all that the first one has.
func (v *view) cut(all, one lone, left Span) lone {
	all.unsure = all.unsure || all.took-one.took >= left || v.inner != nil && all.took > left
	return all
}

// fail returns what a call does whose every run fails at once, with the shortest delays,
// or with other ones if r is not 0.
func (v *view) fail(left Span, r float64) lone {
	return v.alone(left, r, func(left Span) lone {
		one := lone{runs: 1}
		if v.inner != nil {
			one = v.inner.fail(min(left, orUnbounded(v.spec.AttemptTimeout)), r)
		}
		h := v.spec.Hedge
		switch {
		case h == nil:
			return one
		case h.OnFailure && h.Delay != hedge.AtOnce:
			extra := v.extra(Unbounded, Unbounded)
			return v.cut(lone{one.runs.times(extra + 1), one.took.times(extra + 1), one.unsure}, one, left)
		case h.Delay == hedge.AtOnce:
			return lone{one.runs.times(v.extra(Unbounded, Unbounded) + 1), one.took, one.unsure}
		}
		return one
	})
}

// maxSteps is how many attempts hang and fail follow one by one. Those of nested retries
// multiply.
const maxSteps = 1_000_000

// steps bounds the attempts that hang and fail follow.
func (v *view) steps() Count {
	n, limit := Count(1), Unbounded
	for _, p := range v.chain() {
		limit = min(limit, orUnbounded(p.spec.TotalTimeout))
		if p.spec.Retry != nil {
			n = n.times(min(delaysOf(*p.spec.Retry).within(limit), followed))
		}
		limit = min(limit, orUnbounded(p.spec.AttemptTimeout))
	}
	return n
}

// lones returns what a call does whose runs hang, and fail with the shortest and with the
// longest delays. With too many attempts to follow, these are not known exactly.
func (v *view) lones() (hang, fail, late lone) {
	if v.steps() <= maxSteps {
		return v.hang(Unbounded), v.fail(Unbounded, 0), v.fail(Unbounded, almostOne)
	}
	about := func(r float64) lone { return lone{Unlimited, v.failing(Unbounded, r), true} }
	return lone{Unlimited, Unbounded, true}, about(0), about(almostOne)
}

// failing returns about how long fail says that a call takes.
func (v *view) failing(left Span, r float64) Span {
	left = min(left, orUnbounded(v.spec.TotalTimeout))
	var one Span
	if v.inner != nil {
		one = v.inner.failing(min(left, orUnbounded(v.spec.AttemptTimeout)), r)
	}
	if h := v.spec.Hedge; h != nil && h.OnFailure && h.Delay != hedge.AtOnce {
		one = one.times(v.extra(Unbounded, Unbounded).plus(1))
	}
	if v.spec.Retry == nil {
		return min(one, left)
	}
	d := delaysOf(*v.spec.Retry)
	n := d.within(left)
	wait := d.total(n, func(i int, previous Span) Span { return d.after(i, previous, r) }, d.longest())
	return min(one.times(n).plus(wait), left)
}

// alone repeats an attempt as the retry does, with a random source that returns r.
func (v *view) alone(left Span, r float64, attempt func(left Span) lone) lone {
	left = min(left, orUnbounded(v.spec.TotalTimeout))
	if v.spec.Retry == nil {
		one := attempt(left)
		one.took = min(one.took, left)
		return one
	}
	d := delaysOf(*v.spec.Retry)
	last := min(left-1, orUnbounded(d.cfg.MaxElapsed)) // when the last attempt may begin
	var all lone
	var wait Span
	for n := 1; ; n++ {
		one := attempt(left - all.took)
		all.runs = all.runs.plus(one.runs)
		all.unsure = all.unsure || one.unsure
		all.took = min(all.took.plus(one.took), left)
		if all.took == left || Count(n) == d.attempts() {
			return all
		}
		if n == followed {
			return lone{Unlimited, Unbounded, true}
		}
		wait = d.after(n, wait, r)
		if wait > last || all.took > last-wait {
			return all
		}
		all.took += wait
	}
}

// unhindered reports whether so many failed runs of one call, conc at a time, go through
// all policies of v if there are no other calls.
func (v *view) unhindered(runs Count) bool {
	conc := Count(1)
	for _, p := range v.chain() {
		conc = conc.times(p.extra(Unbounded, Unbounded) + 1)
		if p.hindered(runs, conc) {
			return false
		}
	}
	return true
}

// hindered reports whether a policy of v, but not of those inside it, may keep a failing
// call from making so many runs.
func (v *view) hindered(runs, conc Count) bool {
	if c := v.spec.Chaos; c != nil && c.Enabled {
		return true
	}
	if v.spec.Retry != nil && (delaysOf(*v.spec.Retry).unknown || v.spec.Retry.RetryIf != nil || v.spec.Retry.RetryIfName != "") {
		return true
	}
	if h := v.spec.Hedge; h != nil && (h.HedgeIf != nil || h.HedgeIfName != "") {
		return true
	}
	return v.short(runs) ||
		v.circuit != nil && !v.circuit.cfg.Shadow && runs > opensAfter(v.circuit.cfg) ||
		v.throttle != nil && runs > Count(v.throttle.cfg.MinCalls) ||
		v.rate != nil && runs > Count(v.rate.cfg.Burst) ||
		v.gate != nil && conc > Count(v.gate.cfg.Limit) ||
		v.adaptive != nil && (conc > Count(v.adaptive.cfg.Initial) || runs >= Count(v.adaptive.cfg.MinCalls))
}

// short reports whether a budget of v may refuse some of so many runs.
func (v *view) short(runs Count) bool {
	if v.retryBudget != nil && runs-1 > fresh(v.retryBudget.cfg) {
		return true
	}
	h := v.spec.Hedge
	switch {
	case h == nil || h.Budget == hedge.NoBudget:
		return false
	case v.hedgeBudget != nil:
		return runs-1 > fresh(v.hedgeBudget.cfg)
	}
	return runs-1 > fresh(ownBudget())
}

// ownBudget returns the budget of a hedge that names none.
func ownBudget() retry.BudgetConfig {
	return retry.NewBudget(retry.BudgetConfig{MinPerSecond: 1}).Config()
}

// fresh returns how many extra attempts a budget grants to the first call.
func fresh(c retry.BudgetConfig) Count {
	return countOf(math.Floor(c.Ratio + max(0, c.MinPerSecond)*c.Window.Seconds() + 1e-9))
}

// opensAfter returns the least number of failed calls that opens a closed circuit that has
// seen no others.
func opensAfter(c breaker.Config) Count {
	n := Unlimited
	if c.FailureThreshold > 0 {
		n = Count(c.FailureThreshold)
	}
	if c.FailureRate > 0 || c.SlowRate > 0 {
		n = min(n, Count(c.MinCalls))
	}
	return n
}
