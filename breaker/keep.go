package breaker

import (
	"context"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/policy"
)

// WithKeep returns a copy for values that outlive the call, as a response whose body
// is still to be read, or the rows of a query. A successful call is then judged later:
// hold is given its value and a function record, and returns the value that the caller
// gets, usually one that calls record when it has been used up.
//
// The first call of record counts, from any goroutine; later ones do nothing.
// Undecided counts as Failure. Until then the call holds its place in a half-open
// circuit. If record was not called by the time ctx, the call's context, ends, the call
// counts as a Success. A context that can never end, such as context.Background, ends
// no such wait: under it, hold must see to it that record is called.
//
// A call that fails is judged at once, without hold. SlowCall and an event's Took
// measure the function alone, not the use of its value. A panic in hold is a Failure and
// goes on as it was. hold must be safe for concurrent use. WithKeep panics if hold is nil.
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
	// done is taken by the first of several callers of record, which may be on
	// different goroutines or race with the end of the context.
	done atomic.Bool
	// stop takes back what waits for the end of the context. Its owner stores it and
	// then looks at done; record sets done and then looks here. So one of the two sees
	// the other, and nothing is left attached to the context.
	stop atomic.Pointer[func() bool]
}

// hold hands a value to the function of WithKeep.
func (p *passage[T]) hold(v T) T {
	k := &kept[T]{passage: *p}
	returned := false
	defer func() {
		if !returned {
			k.record(policy.Failure, policy.ErrNoReturn)
		}
	}()
	var returning report
	k.took, k.slow = p.measure(&returning), returning.slow
	v = p.b.keep(p.ctx, v, func(o policy.Outcome) { k.record(o, nil) })
	returned = true
	k.follow()
	return v
}

// follow makes the end of the call's context a Success.
func (k *kept[T]) follow() {
	if k.done.Load() || k.ctx.Done() == nil {
		return
	}
	// No caller is above the goroutine that the end runs on to see an observer's panic.
	ended := func() { k.b.circuit.safely("an observer", func() { k.record(policy.Success, nil) }) }
	stop := ending.AfterFunc(k.ctx, ended)
	k.stop.Store(&stop)
	if k.done.Load() {
		stop()
	}
}

func (k *kept[T]) record(o policy.Outcome, cause error) {
	if !k.done.CompareAndSwap(false, true) {
		return
	}
	if stop := k.stop.Load(); stop != nil {
		(*stop)()
	}
	k.end(&report{outcome: o, cause: cause, slow: k.slow}, k.took)
}
