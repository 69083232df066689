package throttle

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/prompt"
	"github.com/ductile-go/ductile/internal/verdict"
	"github.com/ductile-go/ductile/policy"
)

// promptly is embedded by policies that run the inner call at once.
type promptly = prompt.Mark

// kind is the Policy field of a throttle's events.
const kind = "throttle"

// Throttled is a policy that asks a throttle about each call that returns T. Make one with
// [New]; the zero Throttled is not usable. It is immutable and safe for concurrent use. Any
// number of them may share a throttle.
//
// A rejected call emits Rejected with the Reason "throttled".
type Throttled[T any] struct {
	promptly
	throttle *Throttle
	classify func(v T, err error) policy.Outcome
}

// New returns a policy that sheds calls as t says. It panics if t is nil or a zero
// Throttle.
func New[T any](t *Throttle) *Throttled[T] {
	if !t.made() {
		panic("throttle: New: " + t.fault())
	}
	return &Throttled[T]{promptly: promptly{Late: t.tally.Load().cfg.Classify != nil}, throttle: t}
}

// WithClassifier returns a copy that asks classify what a result means. If classify returns
// Undecided, the throttle's Classify and then the default rule decide; see [Config].
// classify must be safe for concurrent use. WithClassifier panics if classify is nil.
func (p *Throttled[T]) WithClassifier(classify func(v T, err error) policy.Outcome) *Throttled[T] {
	if classify == nil {
		panic("throttle: Throttled.WithClassifier: classify is nil, want a function")
	}
	w := *p
	w.classify, w.Late = classify, true
	return &w
}

// Do runs fn unless t rejects the call with [ErrThrottled]. It removes the outer marks of
// package retry and of breaker.Judge from the error. It panics if t is nil or a zero
// Throttle, or if fn is nil.
func Do[T any](ctx context.Context, t *Throttle, fn policy.Func[T]) (T, error) {
	if !t.made() {
		panic("throttle: Do: " + t.fault())
	}
	p := Throttled[T]{throttle: t}
	return p.Do(ctx, fn)
}

// Do runs fn unless the throttle rejects the call with [ErrThrottled]. It removes the outer
// marks of package retry and of breaker.Judge from the error. It panics if fn is nil.
func (p *Throttled[T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	if fn == nil {
		panic("throttle: Throttled.Do: fn is nil, want a function")
	}
	v, err := p.Execute(ctx, policy.CallOf(fn))
	return v, mark.Without(err)
}

// Throttle returns the throttle that p asks.
func (p *Throttled[T]) Throttle() *Throttle { return p.throttle }

// Name returns the throttle's name.
func (p *Throttled[T]) Name() string { return p.throttle.name }

// Clock returns the throttle's clock, or nil for real time.
func (p *Throttled[T]) Clock() policy.Clock { return p.throttle.clock }

// Describe returns the kind "throttle", the throttle's name and its [Throttle.Config].
func (p *Throttled[T]) Describe() policy.Description {
	return policy.Description{Kind: kind, Name: p.throttle.name, Config: p.throttle.Config()}
}

// String returns "throttle(name)", or "throttle" without a name.
func (p *Throttled[T]) String() string {
	return policy.Description{Kind: kind, Name: p.throttle.name}.String()
}

// Refusal returns nil: a throttle may admit any call. An outer retry then asks the policies
// inside of it.
func (p *Throttled[T]) Refusal(context.Context, time.Duration) error { return nil }

// Execute runs next unless the throttle rejects the call. A panic or runtime.Goexit in
// next, or in a classifier, counts as a Failure and continues.
func (p *Throttled[T]) Execute(ctx context.Context, next policy.Call[T]) (v T, err error) {
	if ctx.Err() != nil {
		return v, policy.Ended(ctx)
	}
	t, class := p.throttle, policy.PriorityOf(ctx)
	if !t.mood.calm() {
		if !t.admits(class) {
			return v, p.reject(ctx, next)
		}
		next.Delayed() // Rand may have run
	}
	returned := false
	defer t.countIfLost(&returned, class)
	v, err = next.Do(ctx)
	o, classify := policy.Success, t.tally.Load().cfg.Classify
	switch {
	case p.classify != nil || classify != nil:
		o = p.outcome(ctx, v, err, classify)
		next.Delayed()
	case err != nil:
		o = verdict.Plain(ctx, err)
	}
	returned = true
	t.count(o, class)
	return v, err
}

// outcome returns what a result means by the rules of [Config].
func (p *Throttled[T]) outcome(ctx context.Context, v T, err error, classify func(error) policy.Outcome) policy.Outcome {
	if o, _ := verdict.First(ctx, err); o != policy.Undecided {
		return o
	}
	if p.classify != nil {
		if o := p.classify(v, err); o != policy.Undecided {
			return o
		}
	}
	return verdict.Last(err, classify)
}

// reject emits Rejected and returns the throttle's error.
func (p *Throttled[T]) reject(ctx context.Context, next policy.Call[T]) error {
	err := &p.throttle.refuse
	if next.Observed(policy.Rejected) {
		next.Emit(ctx, policy.Event{Kind: policy.Rejected, Policy: kind, Name: err.Name, Reason: "throttled", Err: err})
	}
	return err
}
