package hedge

import (
	"context"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/beside"
	"github.com/ductile-go/ductile/internal/ending"
)

type attemptKey struct{}

// numbered is implemented by the contexts of attempts.
type numbered interface{ number() int }

// Attempt returns the number of the attempt that ctx belongs to: 1 for the first attempt
// and outside of a hedge, 2 for the first extra attempt. With nested hedges it is the
// number in the innermost one.
func Attempt(ctx context.Context) int {
	if a, ok := ctx.Value(attemptKey{}).(numbered); ok {
		return a.number()
	}
	return 1
}

// firstCtx is the context of a first attempt. It derives a context from the caller's only
// when Done is called, or when it ends with a cause of its own. For a function that
// ignores its context it costs one compare-and-swap.
//
// After that it behaves as a context of the standard library created at that moment:
// package context attaches derived contexts to it without a goroutine.
type firstCtx struct {
	// armed changes once, by compare-and-swap, from nil to the derived context or to
	// unarmed. Whether arming or the end of the call comes first, the other one sees it,
	// so no derived context outlives the call.
	armed atomic.Pointer[armedCtx]
}

type armedCtx struct {
	context.Context
	cancel context.CancelCauseFunc
}

// unarmed is the final value if the call returns before the context is armed.
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

// end ends the context. A nil cause means that the call has ended.
func (f *firstCtx) end(parent context.Context, cause error) {
	if cause == nil && f.armed.Load() == nil && f.armed.CompareAndSwap(nil, unarmed) {
		return
	}
	f.arm(parent).cancel(cause)
}

// The methods below implement context.Context for the first attempt. Deadline is the
// caller's.

// Done arms the context.
func (c *call[T]) Done() <-chan struct{} { return c.first.arm(c.Context).Done() }

// Err returns nil until the caller's context ends, another attempt wins or the call
// returns. If it finds that the caller's context has ended, it arms the context with that
// end, so Err still returns the same error after the call.
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

// Value returns the caller's value, except for the context's own cause.
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

// String returns a text, so that a context is printed without a look at its fields.
func (c *call[T]) String() string { return ending.Text(c.Context) + ".Hedge(1)" }
