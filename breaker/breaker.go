package breaker

import (
	"context"
	"errors"

	"github.com/ductile-go/ductile/policy"
)

// Breaker is the policy that consults a circuit about calls that return T. Make
// one with [New]; the zero Breaker has no circuit. It is immutable and safe for
// concurrent use; any number of them may share a circuit.
type Breaker[T any] struct {
	circuit *Circuit
	when    func(v T, err error) policy.Outcome
}

// New returns a policy that runs calls as c allows. It panics when c is nil or a
// zero Circuit.
func New[T any](c *Circuit) *Breaker[T] {
	if !c.made() {
		panic("breaker: New: " + c.fault())
	}
	return &Breaker[T]{circuit: c}
}

// WithClassifier returns a copy that asks classify what a result means, instead of the
// circuit's Classify. classify must be safe for concurrent use. WithClassifier panics when
// it is nil.
func (b *Breaker[T]) WithClassifier(classify func(v T, err error) policy.Outcome) *Breaker[T] {
	if classify == nil {
		panic("breaker: Breaker.WithClassifier: classify is nil, want a function")
	}
	w := *b
	w.when = classify
	return &w
}

// Do runs fn as c allows. It panics as New does.
func Do[T any](ctx context.Context, c *Circuit, fn policy.Func[T]) (T, error) {
	if !c.made() {
		panic("breaker: Do: " + c.fault())
	}
	b := Breaker[T]{circuit: c}
	return b.Do(ctx, fn)
}

// Do runs fn as the circuit allows.
func (b *Breaker[T]) Do(ctx context.Context, fn policy.Func[T]) (v T, err error) {
	if ctx.Err() != nil {
		return v, policy.Ended(ctx)
	}
	if fn == nil {
		panic("breaker: Breaker.Do: fn is nil, want a function")
	}
	g := b.circuit.gen.Load()
	if !g.plain || b.when != nil {
		return b.guard(ctx, policy.CallOf(fn))
	}
	// What Execute does for a plain circuit, without the two calls on the way to fn.
	returned := false
	defer g.settleLost(&returned)
	v, err = fn(ctx)
	if err == nil && g.inRow {
		g.endRow()
	} else {
		g.settle(ctx, err)
	}
	returned = true
	return v, err
}

// Circuit returns the circuit that b consults.
func (b *Breaker[T]) Circuit() *Circuit { return b.circuit }

// Clock returns the clock that the circuit was given, or nil.
func (b *Breaker[T]) Clock() policy.Clock { return b.circuit.rare.Clock }

// String returns "breaker(name)".
func (b *Breaker[T]) String() string {
	if b.circuit.name == "" {
		return "breaker"
	}
	return "breaker(" + b.circuit.name + ")"
}

// Execute runs next as the circuit allows. A panic or runtime.Goexit in next,
// or in a classifier, is a Failure and goes on as it was.
func (b *Breaker[T]) Execute(ctx context.Context, next policy.Call[T]) (v T, err error) {
	if ctx.Err() != nil {
		return v, policy.Ended(ctx)
	}
	g := b.circuit.gen.Load()
	if !g.plain || b.when != nil || next.Observed() {
		return b.guard(ctx, next)
	}
	// The most usual case, for which the deferred function has to remember little:
	// to store what run remembers would take as long as all the rest.
	returned := false
	defer g.settleLost(&returned)
	v, err = next.Do(ctx)
	if err == nil && g.inRow {
		g.endRow()
	} else {
		g.settle(ctx, err)
	}
	returned = true
	return v, err
}

// guard is Execute in any case.
func (b *Breaker[T]) guard(ctx context.Context, next policy.Call[T]) (T, error) {
	permit, refused := b.circuit.Acquire()
	if refused != nil {
		b.emitRejected(ctx, next, refused)
		var zero T
		return zero, refused
	}
	return b.run(ctx, next, permit)
}

// run runs an admitted call, in any case.
func (b *Breaker[T]) run(ctx context.Context, next policy.Call[T], permit Permit) (v T, err error) {
	// Set again only when next and the classifiers have returned; by defer and not
	// by recover, which would lose the stack and miss Goexit.
	outcome, cause := policy.Failure, policy.ErrNoReturn
	defer func() {
		if to := permit.record(outcome, cause); to != nil {
			b.emitMove(ctx, next, to)
		}
	}()
	v, err = next.Do(ctx)
	o := b.classify(ctx, v, err)
	outcome, cause = o, err
	return v, err
}

func (b *Breaker[T]) emitRejected(ctx context.Context, next policy.Call[T], refused error) {
	if next.Observed() {
		next.Emit(ctx, policy.Event{Kind: policy.Rejected, Policy: b.name(), Err: refused})
	}
}

// emitMove tells of the move to a state that a call's outcome caused.
func (b *Breaker[T]) emitMove(ctx context.Context, next policy.Call[T], to *generation) {
	if !next.Observed() || to.from == to.state {
		return
	}
	moved := policy.Event{Kind: policy.StateChanged, Policy: b.name(), From: to.from.String(), To: to.state.String()}
	if to.state == Open {
		moved.Err = to.rejection.Cause
	}
	next.Emit(ctx, moved)
}

func (b *Breaker[T]) name() string {
	if b.circuit.name == "" {
		return "breaker"
	}
	return b.circuit.name
}

// classify says what a result means for the circuit.
func (b *Breaker[T]) classify(ctx context.Context, v T, err error) policy.Outcome {
	switch {
	case policy.Canceled(ctx, err):
		return policy.Ignored
	case b.when != nil:
		return b.when(v, err)
	case b.circuit.rare.Classify != nil:
		return b.circuit.rare.Classify(err)
	case err == nil:
		return policy.Success
	}
	return byDefault(ctx, err)
}

// byDefault says what an error means where nobody has another opinion.
func byDefault(ctx context.Context, err error) policy.Outcome {
	if policy.Canceled(ctx, err) || errors.Is(err, policy.ErrRejected) {
		return policy.Ignored
	}
	return policy.Failure
}
