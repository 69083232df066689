package ductilehttp

import (
	"context"
	"errors"
	"time"

	"github.com/ductile-go/ductile/internal/ending"
	values "github.com/ductile-go/ductile/internal/same"
)

// newAttempt uses the exchange's room for the attempt that sends request 1. There is one
// such attempt, unless it avoided its connection: the next has memory of its own, because
// net/http may still hold the first as a context.
func newAttempt(parent context.Context, x *exchange, n int) *attempt {
	a := &x.first
	if n > 1 || a.x != nil {
		a = new(attempt)
	}
	a.x, a.n, a.parent = x, n, parent
	a.ctx, a.cancel = context.WithCancelCause((*callers)(a))
	if parent != x.req.Context() {
		a.stop = context.AfterFunc(parent, a.parentEnded)
	}
	return a
}

func (a *attempt) parentEnded() { a.end(a.parent.Err(), context.Cause(a.parent)) }

// end ends the context.
func (a *attempt) end(err, cause error) {
	if errors.Is(err, context.DeadlineExceeded) {
		a.expired.CompareAndSwap(nil, &cause)
	}
	a.cancel(cause)
}

// release ends the context because nothing needs it any more.
func (a *attempt) release() {
	a.detach()
	a.cancel(context.Canceled)
}

// detach lets the context live on when the policies' ends.
func (a *attempt) detach() {
	if a.stop != nil {
		a.stop()
	}
}

// callers is what an attempt's context derives from: it ends with the caller's context,
// and has the values of the policies'.
type callers attempt

func (c *callers) context() context.Context    { return c.x.req.Context() }
func (c *callers) Deadline() (time.Time, bool) { return c.context().Deadline() }
func (c *callers) Done() <-chan struct{}       { return c.context().Done() }
func (c *callers) Err() error                  { return c.context().Err() }

// Value lets package context find the caller's context, so that it attaches without a
// goroutine.
func (c *callers) Value(key any) any {
	if ending.IsCauseKey(key) {
		return c.context().Value(key)
	}
	return c.parent.Value(key)
}

// Deadline returns the policies': it is when a response has to be there.
func (a *attempt) Deadline() (time.Time, bool) { return a.parent.Deadline() }

// Done is closed when the context ends.
func (a *attempt) Done() <-chan struct{} { return a.ctx.Done() }

// Err returns a deadline's end as such, which the context inside calls a cancel.
func (a *attempt) Err() error {
	err := a.ctx.Err()
	if err == nil {
		return nil
	}
	// The cause may be a caller's, of a type that == cannot compare.
	if cause := a.expired.Load(); cause != nil && values.Values(context.Cause(a.ctx), *cause) {
		return context.DeadlineExceeded
	}
	return err
}

// Value hides what concerns the caller's request alone from requests that a base or
// Prepare makes under its context.
func (a *attempt) Value(key any) any {
	if key == (overrideKey{}) || key == (sabotageKey{}) {
		return nil
	}
	return a.ctx.Value(key)
}
