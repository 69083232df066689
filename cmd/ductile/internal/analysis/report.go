package analysis

import (
	"fmt"
	"strings"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/registry"
)

// Report says what a pipeline does at worst.
type Report struct {
	Name     string    `json:"name"`
	Path     string    `json:"path"`     // "pipelines.charge" or "families.hosts"
	Policies string    `json:"policies"` // outermost first
	Attempts Attempts  `json:"attempts"`
	Time     Time      `json:"time"`
	Load     Load      `json:"load"`
	Circuits []Circuit `json:"circuits,omitempty"`
	Queues   []Queue   `json:"queues,omitempty"`
	Rates    []Rate    `json:"rates,omitempty"`
	Notes    []string  `json:"notes,omitempty"`
}

// Attempts bounds how often one call runs the function.
type Attempts struct {
	Most Count `json:"most"`
	// Reached is true if a call by itself, with fresh state, can make so many runs. If
	// false, fewer may be all that there ever are.
	Reached bool `json:"reached"`
	// Levels are the policies that repeat, outermost first; their Times multiply.
	Levels []Level `json:"levels,omitempty"`
}

// Level is a policy that repeats what is inside it.
type Level struct {
	Pipeline string `json:"pipeline"`
	Policy   string `json:"policy"` // "retry" or "hedge"
	Times    Count  `json:"times"`
}

// Time bounds how long one call takes.
type Time struct {
	Longest Span `json:"longest"`
	// Reached is as in Attempts.
	Reached bool `json:"reached"`
	// Hinted is Longest if servers ask for the longest waits that a retry follows.
	Hinted Span `json:"hinted"`
	// GivesUp is when a call ends if all its runs fail at once: with the shortest and with
	// the longest delays.
	GivesUp [2]Span `json:"gives_up"`
	// Cut is true if limits of time leave fewer runs with the longest delays. Then a call may
	// also give up before or after both.
	Cut bool `json:"-"`
	// Refresh is how long a refresh of the cache takes in the background.
	Refresh Span `json:"refresh,omitempty"`
}

// Queue bounds the calls that run and wait.
type Queue struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"` // "bulkhead" or "adaptive_limit"
	Path    string `json:"path"`
	Running [2]int `json:"running"` // at a time: the least and the greatest limit
	Waiting int    `json:"waiting"`
	Wait    Span   `json:"wait"` // the longest
}

// Rate bounds the calls in a time.
type Rate struct {
	Name      string `json:"name"`
	Path      string `json:"path"`
	PerSecond Factor `json:"per_second"`
	Burst     int    `json:"burst"`
	Wait      Span   `json:"wait"` // the longest for tokens
}

// Explain returns the report of the pipeline or family with that name. spec must be one
// that a registry accepts. If there is no such name, the error matches [ErrUnknown] and
// suggests the nearest.
func Explain(spec registry.Spec, name string) (Report, error) {
	v, err := views{spec}.named(name)
	if err != nil {
		return Report{}, err
	}
	return v.report(), nil
}

// ExplainAll returns the reports of all pipelines and then of all families, each by name.
func ExplainAll(spec registry.Spec) []Report {
	var all []Report
	for _, v := range (views{spec}).all() {
		all = append(all, v.report())
	}
	return all
}

func (v *view) report() Report {
	b := v.worst(Unbounded)
	hang, fail, late := v.lones()
	free := v.unhindered(b.runs)
	r := Report{
		Name: v.name, Path: v.path, Policies: v.String(),
		Attempts: Attempts{Most: b.runs, Reached: free && (hang.reaches(b.runs) || fail.reaches(b.runs))},
		Time: Time{
			Longest: b.time, Hinted: b.hinted, Reached: free && !hang.unsure && hang.took == b.time,
			GivesUp: [2]Span{fail.took, late.took}, Cut: fail.runs != late.runs,
			Refresh: v.refresh(b.time),
		},
		Load: v.load(),
	}
	for _, l := range v.levels(Unbounded) {
		r.Attempts.Levels = append(r.Attempts.Levels, Level{l.view.name, l.kind, l.times})
	}
	for _, p := range v.chain() {
		p.state(&r)
	}
	return r
}

// refresh returns how long a refresh of the cache takes at most, or 0 if there is none.
func (v *view) refresh(longest Span) Span {
	c := v.spec.Cache
	if c == nil || c.Stale == 0 {
		return 0
	}
	limit := c.RefreshTimeout
	if limit == 0 {
		limit = cache.DefaultRefreshTimeout
	}
	return min(Span(limit), longest)
}

// state adds what v shares with other calls, and the notes.
func (v *view) state(r *Report) {
	if v.circuit != nil {
		r.Circuits = append(r.Circuits, circuitOf(v.circuit))
	}
	if v.rate != nil {
		r.Rates = append(r.Rates, v.rateOf())
	}
	if v.gate != nil {
		g := v.gate.cfg
		r.Queues = append(r.Queues, Queue{v.gate.name, "bulkhead", v.gate.path, [2]int{g.Limit, g.Limit}, g.MaxQueue, queueWait(g)})
	}
	if v.adaptive != nil {
		a := v.adaptive.cfg
		wait := queueWait(queueOf(a))
		r.Queues = append(r.Queues, Queue{v.adaptive.name, "adaptive_limit", v.adaptive.path, [2]int{a.Min, a.Max}, a.MaxQueue, wait})
	}
	r.Notes = append(r.Notes, v.notes()...)
}

func (v *view) rateOf() Rate {
	c := v.rate.cfg
	return Rate{v.rate.name, v.rate.path, Factor(float64(c.Limit) / c.Per.Seconds()), c.Burst, v.rateWait()}
}

// notes returns what the numbers leave out.
func (v *view) notes() []string {
	var notes []string
	if v.throttle != nil {
		t := v.throttle.cfg
		notes = append(notes, fmt.Sprintf("throttle %s sheds calls once more than %s of those of the last %s have failed, up to %s of them",
			v.throttle.name, percent(1-1/t.K), Span(t.Window), percent(t.MaxReject)))
	}
	if v.spec.Fallback != "" {
		notes = append(notes, fmt.Sprintf("fallback %s takes its own time, which no timeout of %s limits", v.spec.Fallback, v.name))
	}
	if c := v.spec.Chaos; c != nil && c.Enabled {
		notes = append(notes, fmt.Sprintf("chaos injects faults into %s of the attempts", percent(c.Rate)))
	}
	if v.spec.Cache != nil || v.spec.Coalesce != nil {
		notes = append(notes, "calls that share a result add no load")
	}
	return notes
}

// String returns the policies, outermost first.
func (v *view) String() string {
	p := v.spec
	var all []string
	add := func(there bool, text string) {
		if there {
			all = append(all, text)
		}
	}
	add(p.Fallback != "", "fallback("+p.Fallback+")")
	add(p.Cache != nil, "cache")
	add(p.Coalesce != nil, "coalesce")
	add(p.TotalTimeout > 0, "timeout("+Span(p.TotalTimeout).String()+")")
	if p.Retry != nil {
		all = append(all, "retry("+delaysOf(*p.Retry).attempts().String()+")")
	}
	if p.Hedge != nil {
		all = append(all, "hedge("+hedgeText(p.Hedge)+")")
	}
	if v.circuit != nil {
		all = append(all, "breaker("+v.circuit.name+")")
	}
	if v.throttle != nil {
		all = append(all, "throttle("+v.throttle.name+")")
	}
	if v.rate != nil {
		all = append(all, "ratelimit("+v.rate.name+")")
	}
	add(p.AttemptTimeout > 0, "timeout("+Span(p.AttemptTimeout).String()+")")
	if v.gate != nil {
		all = append(all, "bulkhead("+v.gate.name+")")
	}
	if v.adaptive != nil {
		all = append(all, "adaptive("+v.adaptive.name+")")
	}
	add(p.Chaos != nil, "chaos")
	if v.inner != nil {
		all = append(all, v.inner.name+"("+v.inner.String()+")")
	}
	if len(all) == 0 {
		return "pass-through"
	}
	return strings.Join(all, " > ")
}

func hedgeText(h *registry.HedgeSpec) string {
	switch d := hedgeDelay(h); {
	case d == 0:
		return "at once"
	case h.Delay > 0:
		return Span(h.Delay).String()
	}
	return "learned"
}
