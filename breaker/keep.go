package breaker

import (
	"context"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/policy"
)

// WithKeep returns a copy for values that outlive the call, such as a response whose body is
// still to be read, or the rows of a query. A successful call is judged when its value has
// been used: hold receives the value and a function record, and returns the value for the
// caller, usually a wrapper that calls record when it is closed.
//
// Any goroutine may call record. The first call counts; later ones do nothing. Undecided
// counts as Failure. A probe of a half-open circuit keeps its permit until record is called.
// If ctx, the context of the call, ends first, the call counts as a Success. A context that
// never ends, such as context.Background, does not do that: under it, hold must make sure
// that record is called.
//
// A call that fails is judged at once, without hold. SlowCall and the Took of an event
// measure the function, not the use of its value. A panic in hold counts as a Failure and
// continues. hold must be safe for concurrent use. WithKeep panics if hold is nil.
func (b *Breaker[T]) WithKeep(hold func(ctx context.Context, v T, record func(policy.Outcome)) T) *Breaker[T] {
	if hold == nil {
		panic("breaker: Breaker.WithKeep: hold is nil, want a function")
	}
	w := *b
	w.keep, w.custom, w.Late = hold, true, true
	return &w
}

// kept is a call whose value is still in use.
type kept[T any] struct {
	passage[T]
	took time.Duration // by the function, until it returned the value
	slow bool
	// done is taken by the first of several calls of record, which may come from different
	// goroutines or race with the end of the context.
	done atomic.Bool
	// stop detaches the call from its context. Its owner stores it and then loads done;
	// finish sets done and then loads it. So one of the two sees the other, and nothing is
	// left attached to the context.
	stop atomic.Pointer[func() bool]
}

// hold gives a value to the function of WithKeep.
func (p *passage[T]) hold(v T) T {
	k := &kept[T]{passage: *p}
	returned := false
	defer func() {
		if !returned {
			k.finish(policy.Failure, policy.ErrNoReturn)
		}
	}()
	var returning report
	k.took, k.slow = p.lap(&returning), returning.slow
	v = p.b.keep(p.ctx, v, func(o policy.Outcome) { k.finish(o, nil) })
	k.follow()
	returned = true
	return v
}

// follow makes the call a Success when its context ends.
func (k *kept[T]) follow() {
	if k.done.Load() || k.ctx.Done() == nil {
		return
	}
	// On the goroutine that this runs on, no caller would see the panic of an observer.
	ended := func() { k.b.circuit.safely("an observer", func() { k.finish(policy.Success, nil) }) }
	stop := ending.AfterFunc(k.ctx, ended)
	k.stop.Store(&stop)
	if k.done.Load() {
		stop()
	}
}

// finish counts the call, if that has not been done.
func (k *kept[T]) finish(o policy.Outcome, cause error) {
	if !k.done.CompareAndSwap(false, true) {
		return
	}
	if stop := k.stop.Load(); stop != nil {
		(*stop)()
	}
	k.passage.finish(&report{outcome: o, cause: cause, slow: k.slow}, k.took)
}
