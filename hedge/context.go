package hedge

import (
	"context"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/beside"
	"github.com/ductile-go/ductile/internal/ending"
)

type attemptKey struct{}

// numbered is a context of an attempt.
type numbered interface{ number() int }

// Attempt returns the number of the attempt that ctx belongs to: 1 on the first, and outside
// of a hedge; 2 on the first extra attempt. Of nested hedges it is the innermost one's.
func Attempt(ctx context.Context) int {
	if a, ok := ctx.Value(attemptKey{}).(numbered); ok {
		return a.number()
	}
	return 1
}

// firstCtx is the context of a first attempt. It derives nothing from the caller's context
// before somebody asks for Done, or its end has a cause of its own: a function that ignores
// its context costs one compare-and-swap.
//
// From then on it is what a context of the standard library, made at that moment, says: to
// one of its own package context attaches derived contexts without a goroutine.
type firstCtx struct {
	// armed goes from nil to the derived context or to unarmed, once, by
	// compare-and-swap: whether arming or the end of the call comes first, the other sees
	// it, so that no derived context outlives the call.
	armed atomic.Pointer[armedCtx]
}

type armedCtx struct {
	context.Context
	cancel context.CancelCauseFunc
}

// unarmed is what a context becomes if its call returns before it is armed.
var unarmed = func() *armedCtx {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(nil)
	return &armedCtx{ctx, cancel}
}()

func (f *firstCtx) arm(parent context.Context) *armedCtx {
	if a := f.armed.Load(); a != nil {
		return a
	}
	a := &armedCtx{}
	a.Context, a.cancel = context.WithCancelCause(parent)
	if !f.armed.CompareAndSwap(nil, a) {
		a.cancel(nil)
		return f.armed.Load()
	}
	return a
}

// end ends the context; a nil cause is the end of the call.
func (f *firstCtx) end(parent context.Context, cause error) {
	if cause == nil && f.armed.Load() == nil && f.armed.CompareAndSwap(nil, unarmed) {
		return
	}
	f.arm(parent).cancel(cause)
}

// The methods below make a call the context of its first attempt. Deadline is the caller's.

// Done arms the context.
func (c *call[T]) Done() <-chan struct{} { return c.first.arm(c.Context).Done() }

// Err returns nil until the caller's context ends, another attempt wins or the call is over.
// An end of the caller's that has been seen arms the context with it, so that it stays
// what it was when the call returns.
func (c *call[T]) Err() error {
	a := c.first.armed.Load()
	if a == nil {
		if c.Context.Err() == nil {
			return nil
		}
		a = c.first.arm(c.Context)
	}
	return a.Err()
}

// Value returns the caller's value. The context knows its own cause.
func (c *call[T]) Value(key any) any {
	switch key {
	case any(attemptKey{}), any(beside.RoundKey{}):
		return c
	case any(beside.AloneKey{}):
		return nil
	case c.hedge.counted: // never nil as a key
		return c
	}
	a := c.first.armed.Load()
	if a == nil || a == unarmed && !ending.IsCauseKey(key) {
		return c.Context.Value(key)
	}
	return a.Value(key)
}

func (c *call[T]) number() int { return 1 }
