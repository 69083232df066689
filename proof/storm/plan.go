package storm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// planner makes the policies of a scene. Durations are random to the nanosecond, so that two
// events happen at the same instant only if one causes the other.
type planner struct {
	s       *scene
	rnd     *rand.Rand
	double  double
	clock   policy.Clock // nil means real time
	alone   bool         // histories are compared
	budget  *retry.Budget
	random  func() float64 // for jitter
	retries int            // so far; at most two, or attempts multiply
	limits  int            // so far
	hedges  int            // so far; one at most
	waits   int            // policies so far in which a call may wait
	names   int
	deaf    bool // the observer of the scene does not see the policies that are made now
	what    []string

	// bound is the shortest time in which a call is certain to end, by a limit that is not
	// inside of a retry. 0 means that there is none.
	bound time.Duration
}

func (p *planner) upTo(d time.Duration) time.Duration {
	return 1 + time.Duration(p.rnd.Int64N(int64(d)))
}
func (p *planner) chance(percent int) bool { return p.rnd.IntN(100) < percent }

func (p *planner) name(kind string) string {
	p.names++
	return fmt.Sprintf("%s %d", kind, p.names)
}

// policies returns n of them, the first outermost, with probes around each.
func (p *planner) policies(n int) []policy.Policy[int] {
	var all []policy.Policy[int]
	for range n {
		all = append(all, p.policy()...)
	}
	for i, o := range all {
		if w, ok := o.(outside); ok {
			if r, ok := w.rules.(*retryRules); ok && !w.door {
				r.inside = circuitsIn(all[i+2:]) // inside of the retry
			}
		}
	}
	return all
}

// circuitsIn returns the names of the circuits that a retry can ask whether they would refuse:
// those of the policies inside of it, up to the first that cannot be asked or might rescue the
// call.
func circuitsIn(inner []policy.Policy[int]) (names []string) {
	for _, p := range inner {
		switch o := p.(type) {
		case *breaker.Breaker[int]:
			if cfg := o.Circuit().Config(); !cfg.Shadow {
				names = append(names, cfg.Name)
			}
		case outside, inside, *policy.TimeoutPolicy[int], *retry.Retry[int], *policy.CheckPolicy[int]:
		default:
			return names
		}
	}
	return names
}

// watched puts probes around a policy, or around the double that replaces it. Some policies run
// by a door: their own Do, or d.
func (p *planner) watched(name string, r rules, of watchable, d door) []policy.Policy[int] {
	w := &witness{s: p.s, name: name, deaf: p.deaf, rules: r}
	p.what = append(p.what, policy.Describe(of).String())
	var stands policy.Policy[int] = of
	if d == nil && p.chance(20) {
		d = of.Do
	}
	if d != nil {
		stands, w.deaf, w.door = d, true, true
	}
	if b, ok := r.(*breakerRules); ok {
		w.tally = b.tally
		w.tally.deaf = w.tally.deaf || w.deaf
	}
	if p.double.instead != nil {
		stands = p.double.instead(r, stands)
	}
	return []policy.Policy[int]{outside{w}, stands, inside{w}}
}

// watchable is implemented by every policy of the library.
type watchable interface {
	policy.Policy[int]
	Do(ctx context.Context, fn policy.Func[int]) (int, error)
}

func (p *planner) observer() policy.Observer {
	if p.double.observer != nil {
		return p.double.observer(p.s.observe)
	}
	return p.s.observe
}

// outermost returns the policies of the pipeline. If histories are compared, a timeout that
// abandons its function is innermost and on real time. A retry inside of it would end at the
// instant at which its caller leaves, and an abandoned function on an AutoAdvance clock would
// move time beside its caller. In both cases, either could be first.
func (p *planner) outermost() []policy.Policy[int] {
	n := 1 + p.rnd.IntN(6)
	if p.alone && p.clock == nil && p.chance(30) {
		return append(p.policies(n-1), p.limit(true)...)
	}
	if p.alone && p.clock == nil && p.chance(30) {
		return append(p.policies(n-1), p.hedge()...)
	}
	return p.policies(n)
}

func (p *planner) policy() []policy.Policy[int] {
	switch p.rnd.IntN(14) {
	case 0:
		return p.fallback()
	case 1, 2:
		if p.retries < 2 {
			return p.retry()
		}
		return p.timeout()
	case 3, 4, 5:
		return p.breaker()
	case 6, 7, 8:
		return p.timeout()
	case 9, 10, 11, 12:
		return p.load()
	}
	switch p.rnd.IntN(4) {
	case 0:
		return p.check()
	case 1:
		return []policy.Policy[int]{p.choice()}
	case 2:
		return []policy.Policy[int]{p.keyed()}
	}
	return []policy.Policy[int]{p.nested()}
}

func (p *planner) nested() policy.Policy[int] {
	was, behind := p.deaf, p.chance(30)
	p.deaf = was || behind
	nested := pipeline.New(p.policies(1 + p.rnd.IntN(2))...).WithName(p.name("nested"))
	p.deaf = was
	if p.chance(30) {
		nested = nested.WithObserver(func(context.Context, policy.Event) {})
	}
	if behind {
		return p.door(nested)
	}
	return nested
}

var errFallback = errors.New("storm: the fallback failed too")

func (p *planner) fallback() []policy.Policy[int] {
	r := &fallbackRules{}
	var f *policy.FallbackPolicy[int]
	switch p.rnd.IntN(4) {
	case 3:
		r.declines = true
		f = policy.Fallback(func(_ context.Context, err error) (int, error) { return 0, err })
	case 0:
		r.value = 7
		f = policy.FallbackValue(r.value)
	case 1:
		r.value, r.when = 8, func(v int, err error) bool { return err != nil && v%2 == 0 }
		f = policy.FallbackValue(r.value).WithCondition(r.when)
	default:
		r.err = errFallback
		f = policy.Fallback(func(context.Context, error) (int, error) { return 0, errFallback })
	}
	return p.watched(p.name("fallback"), r, f, nil)
}

func (p *planner) timeout() []policy.Policy[int] {
	return p.limit(!p.alone && p.chance(30))
}

func (p *planner) limit(abandon bool) []policy.Policy[int] {
	p.limits++
	cfg := policy.TimeoutConfig{
		Name: p.name("timeout"), After: p.upTo(20 * time.Millisecond), Clock: p.clock, Abandon: abandon,
	}
	bound := cfg.After
	if !cfg.Abandon {
		bound += slack
	}
	if p.retries == 0 && p.waits == 0 && (p.bound == 0 || bound < p.bound) {
		p.bound = bound
	}
	r, t := &timeoutRules{TimeoutConfig: cfg}, policy.NewTimeout[int](cfg)
	if cfg.Abandon {
		t = t.WithOnLate(p.late(r))
		p.s.leaving = append(p.s.leaving, r)
	}
	return p.watched(cfg.Name, r, t, nil)
}

func (p *planner) late(r *timeoutRules) func(v int, err error) {
	tell := func(v int, err error) {
		p.s.ledger.enter(v, "late")
		p.s.mu.Lock()
		defer p.s.mu.Unlock()
		r.late = append(r.late, run{v: v, err: err})
	}
	if p.double.late != nil {
		return p.double.late(tell)
	}
	return tell
}

func (p *planner) breaker() []policy.Policy[int] {
	r := &breakerRules{tally: p.s.tallies[p.rnd.IntN(len(p.s.tallies))]}
	b := breaker.New[int](r.tally.circuit)
	if p.chance(20) {
		r.when = func(v int, _ error) policy.Outcome { return policy.Outcome(uint(v) % 4) } // Undecided too
		b = b.WithClassifier(r.when)
	}
	if p.chance(25) {
		// If histories are compared, no retry and no limit may stand around a value that is
		// recorded later: the end of its context could come first.
		r.keeps, r.later = true, !p.alone || p.retries == 0 && p.limits == 0
		b = b.WithKeep(r.hold)
	}
	var d door
	if r.when == nil && !r.keeps && p.chance(20) {
		d = func(ctx context.Context, fn policy.Func[int]) (int, error) {
			return breaker.Do(ctx, r.tally.circuit, fn)
		}
	}
	return p.watched("breaker "+r.tally.fixed.Name, r, b, d)
}
