package adaptive

import (
	"context"
	"strconv"
	"time"

	"github.com/ductile-go/ductile/internal/gate"
	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/prompt"
	"github.com/ductile-go/ductile/policy"
)

// kind is the Policy field of a limiter's events.
const kind = "adaptive"

// promptly is embedded by policies that run the inner call at once. A limiter without a
// queue does, and says so when it has moved its limit.
type promptly = prompt.Mark

// emits lists the events of calls that did not get a place at once, or moved the limit.
var emits = []string{
	string(policy.Rejected), string(policy.Queued), string(policy.Waited), string(policy.LimitChanged),
}

// Adaptive is a policy that takes a place in a limiter for each call that returns T, and
// tells the limiter how the call ended. Make one with [New]; the zero Adaptive is not
// usable. It is immutable and safe for concurrent use. Any number of them may share a
// limiter.
//
// The limiter learns from the latency of each success, without the time in the queue. A call
// that failed by a deadline counts as at least that slow. It learns nothing from other
// failures, since an error after 1 ms does not show a fast server, nor from calls that
// panic, call runtime.Goexit or are Ignored. With Target, an error of an inner policy that
// matches [policy.ErrRejected] lowers the limit: that policy is full.
//
// The call that moves the limit emits LimitChanged, before it returns. Events of concurrent
// calls may come in another order than their changes; [Config].OnChange gets the changes in
// order.
type Adaptive[T any] struct {
	promptly
	limiter  *Limiter
	classify func(v T, err error) policy.Outcome
	keep     func(ctx context.Context, v T, release func()) T
}

// New returns a policy that runs each call in a place of l. It panics if l is nil or a
// zero Limiter.
func New[T any](l *Limiter) *Adaptive[T] {
	if !l.made() {
		panic("adaptive: New: " + l.fault())
	}
	return &Adaptive[T]{promptly: promptly{Late: l.gate.Queues() || l.cfg.Load().Classify != nil, Emits: emits}, limiter: l}
}

// WithClassifier returns a copy that asks classify what a result means. If classify returns
// Undecided, the limiter's Classify and then the default rule decide; see [Config].
// classify must be safe for concurrent use. WithClassifier panics if classify is nil.
func (a *Adaptive[T]) WithClassifier(classify func(v T, err error) policy.Outcome) *Adaptive[T] {
	if classify == nil {
		panic("adaptive: Adaptive.WithClassifier: classify is nil, want a function")
	}
	w := *a
	w.classify, w.Late = classify, true
	return &w
}

// WithKeep returns a copy for values that outlive the call, such as a response with an
// unread body, the rows of a query, or a stream. A successful call then keeps its place.
// It passes ctx, its value and a release function to hold, and returns the value that hold
// returns: usually a wrapper that calls release when it is closed. The latency of the call
// ends when the function returns: how long the value is used is up to its user.
//
// The first call of release gives the place back, from any goroutine; later calls do
// nothing. The end of ctx, the call's context, does not give the place back: the value
// may still be in use after it. A value that is never closed therefore holds its place
// forever, just as an unclosed body holds its connection.
//
// A call that fails gives its place back at once, without a call of hold. If hold panics,
// the place is given back too. hold must be safe for concurrent use. WithKeep panics if
// hold is nil.
func (a *Adaptive[T]) WithKeep(hold func(ctx context.Context, v T, release func()) T) *Adaptive[T] {
	if hold == nil {
		panic("adaptive: Adaptive.WithKeep: hold is nil, want a function")
	}
	w := *a
	w.keep, w.Late = hold, true
	return &w
}

// Do runs fn in a place of l. It removes the outer marks of packages breaker and retry
// from the error. Its errors are those of [Limiter.Acquire] and of fn. Do panics if l is
// nil or a zero Limiter, or if fn is nil.
func Do[T any](ctx context.Context, l *Limiter, fn policy.Func[T]) (T, error) {
	if !l.made() {
		panic("adaptive: Do: " + l.fault())
	}
	a := Adaptive[T]{limiter: l}
	return a.Do(ctx, fn)
}

// Do runs fn in a place of the limiter. It removes the outer marks of packages breaker and
// retry from the error. It panics if fn is nil.
func (a *Adaptive[T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	if fn == nil {
		panic("adaptive: Adaptive.Do: fn is nil, want a function")
	}
	v, err := a.Execute(ctx, policy.CallOf(fn))
	return v, mark.Without(err)
}

// Execute runs next in a place of the limiter. The place is released when next returns,
// panics or calls runtime.Goexit.
func (a *Adaptive[T]) Execute(ctx context.Context, next policy.Call[T]) (v T, err error) {
	if ctx.Err() != nil {
		return v, policy.Ended(ctx)
	}
	l := a.limiter
	var f flight
	if c, left := l.gate.Enter(); c != nil {
		f = l.begin(c, left <= 0 && l.gate.Exhausted(c, left))
	} else if f, err = a.enterSlowly(ctx, next); err != nil {
		return v, err
	}
	if a.keep != nil {
		return a.hold(ctx, next, &f)
	}
	e := nothing // if next or a classifier does not return
	defer func() {
		if moved := l.end(&f, e); moved != nil {
			a.moved(ctx, next, moved)
		}
	}()
	v, err = next.Do(ctx)
	e = a.ending(ctx, next, v, err)
	return v, err
}

// enterSlowly continues Execute after it found no place.
func (a *Adaptive[T]) enterSlowly(ctx context.Context, next policy.Call[T]) (flight, error) {
	l := a.limiter
	var e gate.Entry
	var err error
	if next.HasObservers() {
		e, err = gate.EnterObserved(ctx, &l.gate, next)
	} else {
		e, err = l.gate.EnterSlowly(ctx)
	}
	next.Delayed() // it may have waited, also if the limiter got its queue after New
	if err != nil {
		l.window.Load().crowd()
		return flight{}, err
	}
	return l.begin(e.Cell, e.Crowded), nil
}

// moved emits the change that this call made.
func (a *Adaptive[T]) moved(ctx context.Context, next policy.Call[T], c *Change) {
	next.Emit(ctx, policy.Event{
		Kind: policy.LimitChanged, Policy: kind, Name: c.Name, From: strconv.Itoa(c.From), To: strconv.Itoa(c.To),
	})
	next.Delayed() // listeners have run
}

// Refusal returns nil, because a limiter does not know how long it will be full. The
// policies inside are asked next.
func (a *Adaptive[T]) Refusal(context.Context, time.Duration) error { return nil }

// Limiter returns the limiter of a.
func (a *Adaptive[T]) Limiter() *Limiter { return a.limiter }

// Name returns the limiter's name.
func (a *Adaptive[T]) Name() string { return a.limiter.name }

// Clock returns the limiter's clock, or nil for real time.
func (a *Adaptive[T]) Clock() policy.Clock { return a.limiter.clock }

// Describe returns the kind, "adaptive", the limiter's name, its current limit and its
// config.
func (a *Adaptive[T]) Describe() policy.Description {
	l := a.limiter
	return policy.Description{Kind: kind, Name: l.name, Detail: strconv.Itoa(l.Limit()), Config: l.Config()}
}

// String returns "adaptive(20)", or "adaptive(name, 20)", with the current limit.
func (a *Adaptive[T]) String() string { return a.Describe().String() }
