package chaos

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
)

// Mixture is a policy that lets at most one of several injectors act in a call. Make one with
// [Mix]; the zero Mixture passes calls through. It is safe for concurrent use. Its injectors
// emit its events.
type Mixture[T any] struct {
	promptly
	injectors []*Injector[T]
}

// Mix returns a policy that draws once per call for all injectors. The rates of those that
// are on for the call take successive intervals of [0,1), in the order given, and the one in
// whose interval the draw falls acts. So a fault of 10 % and a latency of 20 % act in 30 % of
// the calls. The draw comes from the first injector that is on.
//
// Each injector keeps its own switch, When and counters. If rates of RateFuncs sum to more
// than 1, the last intervals are cut off.
//
// Mix panics if an injector is nil or was not made by this package, and if the fixed rates
// sum to more than 1, whether the injectors are on or not.
func Mix[T any](policies ...*Injector[T]) *Mixture[T] {
	sum := 0.0
	for i, p := range policies {
		if p == nil || p.act == nil {
			panic(fmt.Sprintf("chaos: Mix: policy %d of %d is nil or zero, want one made by Fault, Latency, Outcome, Behavior or Detour", i+1, len(policies)))
		}
		sum += p.cfg.Rate
	}
	if sum > 1+rounding {
		panic(fmt.Sprintf("chaos: Mix: the rates sum to %.6g, want at most 1: at most one policy acts in a call", sum))
	}
	return &Mixture[T]{injectors: slices.Clone(policies)}
}

// rounding is more than the error in a sum of rates, such as ten times 0.1, which is less
// than 1.
const rounding = 1e-12

// On switches all injectors on that have no When. Calls that run meanwhile may see only
// some of them on.
func (m *Mixture[T]) On() {
	for _, p := range m.injectors {
		p.On()
	}
}

// Off switches all injectors off that have no When. Calls that run meanwhile may see only
// some of them off.
func (m *Mixture[T]) Off() {
	for _, p := range m.injectors {
		p.Off()
	}
}

// Injectors returns the injectors, in the order given.
func (m *Mixture[T]) Injectors() []*Injector[T] { return slices.Clone(m.injectors) }

// Snapshot returns the snapshots of the injectors, in the order given. A call counts in
// Calls of every injector that was on for it.
func (m *Mixture[T]) Snapshot() []Snapshot {
	all := make([]Snapshot, len(m.injectors))
	for i, p := range m.injectors {
		all[i] = p.Snapshot()
	}
	return all
}

// Clock returns the clock of the first injector that has one, or nil.
func (m *Mixture[T]) Clock() policy.Clock {
	for _, p := range m.injectors {
		if p.cfg.Clock != nil {
			return p.cfg.Clock
		}
	}
	return nil
}

// Describe returns the kind, "chaos", and the injectors: their kinds and rates as Detail,
// and their descriptions as Config.
func (m *Mixture[T]) Describe() policy.Description {
	var details []string
	var all []policy.Description
	for _, p := range m.injectors {
		all = append(all, p.Describe())
		details = append(details, strings.TrimLeft(p.cfg.Name+" ", " ")+p.detail())
	}
	return policy.Description{Kind: kind, Detail: strings.Join(details, " | "), Config: all}
}

// String returns "chaos(fault 10% | latency 20%)".
func (m *Mixture[T]) String() string { return m.Describe().String() }

// Do runs fn, or lets one injector act instead or before. It removes the outer marks of
// package retry and of breaker.Judge from the error. It panics if fn is nil.
func (m *Mixture[T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	if fn == nil {
		panic("chaos: Mixture.Do: fn is nil, want a function")
	}
	v, err := m.Execute(ctx, policy.CallOf(fn))
	return v, mark.Without(err)
}

// Execute runs next, or lets one injector act instead or before.
func (m *Mixture[T]) Execute(ctx context.Context, next policy.Call[T]) (v T, err error) {
	if !m.enabled() && next.Checked() {
		return next.Do(ctx)
	}
	return m.roll(ctx, next)
}

// roll is Execute of a mixture that is on, or that runs alone.
func (m *Mixture[T]) roll(ctx context.Context, next policy.Call[T]) (v T, err error) {
	if ctx.Err() != nil {
		return v, policy.Ended(ctx)
	}
	p := m.choose(ctx)
	next.Delayed() // what follows and the functions of Config may take time
	if p == nil {
		return proceed(ctx, next)
	}
	return p.inject(ctx, next)
}

func (m *Mixture[T]) enabled() bool {
	for _, p := range m.injectors {
		if p.enabled.Load() {
			return true
		}
	}
	return false
}

// choose returns the injector that acts in a call, or nil. Those behind it are still asked
// whether they are on, since a call counts for each of them.
func (m *Mixture[T]) choose(ctx context.Context) (chosen *Injector[T]) {
	draw, end := -1.0, 0.0
	for _, p := range m.injectors {
		if !p.on(ctx) {
			continue
		}
		p.calls.Inc()
		if chosen != nil {
			continue
		}
		if draw < 0 {
			draw = p.draw()
		}
		if end += p.rate(ctx); end > 1-rounding {
			end = 1
		}
		if draw < end {
			chosen = p
		}
	}
	return chosen
}

// Refusal returns [policy.ErrUndetermined] while an injector is on, and nil otherwise. See
// [Injector.Refusal].
func (m *Mixture[T]) Refusal(context.Context, time.Duration) error {
	if m.enabled() {
		return policy.ErrUndetermined
	}
	return nil
}
