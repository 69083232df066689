package breaker

import (
	"context"
	"errors"

	"github.com/ductile-go/ductile/policy"
)

// Breaker is the policy that consults a circuit about calls that return T. Make
// one with [New]. It is immutable and safe for concurrent use; any number of
// them may share a circuit.
type Breaker[T any] struct {
	circuit *Circuit
	when    func(v T, err error) policy.Outcome
}

// New returns a policy that runs calls as c allows. It panics when c is nil.
func New[T any](c *Circuit) *Breaker[T] {
	if c == nil {
		panic("breaker: New: circuit is nil, want one made by NewCircuit")
	}
	return &Breaker[T]{circuit: c}
}

// When returns a copy that asks classify what a result means, instead of the
// circuit's Classify. It panics when classify is nil.
func (b *Breaker[T]) When(classify func(v T, err error) policy.Outcome) *Breaker[T] {
	if classify == nil {
		panic("breaker: Breaker.When: classify is nil, want a function")
	}
	w := *b
	w.when = classify
	return &w
}

// Do runs fn as c allows.
func Do[T any](ctx context.Context, c *Circuit, fn policy.Func[T]) (T, error) {
	if c == nil {
		panic("breaker: Do: circuit is nil, want one made by NewCircuit")
	}
	b := Breaker[T]{circuit: c}
	return b.Execute(ctx, policy.CallOf(fn))
}

// Do runs fn as the circuit allows.
func (b *Breaker[T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	return b.Execute(ctx, policy.CallOf(fn))
}

// Circuit returns the circuit that b consults.
func (b *Breaker[T]) Circuit() *Circuit { return b.circuit }

// Clock returns the clock that the circuit was given, or nil.
func (b *Breaker[T]) Clock() policy.Clock { return b.circuit.cfg.Clock }

// String returns "breaker(name)".
func (b *Breaker[T]) String() string {
	if b.circuit.cfg.Name == "" {
		return "breaker"
	}
	return "breaker(" + b.circuit.cfg.Name + ")"
}

// Execute runs next as the circuit allows. A panic or runtime.Goexit in next,
// or in a classifier, is a Failure and goes on as it was.
func (b *Breaker[T]) Execute(ctx context.Context, next policy.Call[T]) (v T, err error) {
	if ctx.Err() != nil {
		return v, policy.Ended(ctx)
	}
	permit := Permit{gen: b.circuit.gen.Load()}
	if !permit.gen.inRow { // else admitted already, without another call
		var refused error
		if permit, refused = b.circuit.Acquire(); refused != nil {
			b.emitRejected(ctx, next, refused)
			return v, refused
		}
	}
	// Set again only when next and the classifiers have returned; by defer and not
	// by recover, which would lose the stack and miss Goexit.
	outcome, cause := policy.Failure, policy.ErrNoReturn
	defer func() {
		if outcome == policy.Success && permit.gen.inRow {
			permit.gen.endRow()
		} else if to := permit.record(outcome, cause); to != nil {
			b.emitMove(ctx, next, to)
		}
	}()
	v, err = next.Do(ctx)
	if err == nil && b.when == nil && b.circuit.cfg.Classify == nil {
		outcome = policy.Success
		return v, nil
	}
	o := b.classify(ctx, v, err)
	outcome, cause = o, err
	return v, err
}

func (b *Breaker[T]) emitRejected(ctx context.Context, next policy.Call[T], refused error) {
	next.Emit(ctx, policy.Event{Kind: policy.Rejected, Policy: b.name(), Err: refused})
}

func (b *Breaker[T]) emitMove(ctx context.Context, next policy.Call[T], to *generation) {
	if t := to.told; t != nil {
		next.Emit(ctx, policy.Event{
			Kind: policy.StateChanged, Policy: b.name(), Err: t.Cause,
			From: t.From.String(), To: t.To.String(),
		})
	}
}

func (b *Breaker[T]) name() string {
	if b.circuit.cfg.Name == "" {
		return "breaker"
	}
	return b.circuit.cfg.Name
}

// classify says what a result means for the circuit.
func (b *Breaker[T]) classify(ctx context.Context, v T, err error) policy.Outcome {
	if err != nil && cancelledByCaller(ctx, err) {
		return policy.Ignored
	}
	switch {
	case b.when != nil:
		return b.when(v, err)
	case b.circuit.cfg.Classify != nil:
		return b.circuit.cfg.Classify(err)
	case err == nil:
		return policy.Success
	case errors.Is(err, policy.ErrRejected):
		return policy.Ignored
	}
	return policy.Failure
}

// cancelledByCaller reports whether err is that ctx was cancelled, said either
// as context.Canceled or as the cause that the caller gave.
func cancelledByCaller(ctx context.Context, err error) bool {
	if !errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx))
}
