// Package ending follows the end of contexts.
package ending

import (
	"context"
	"errors"
)

// AfterFunc arranges for f to be called when ctx ends: in step with it if ctx has
// a method AfterFunc, and otherwise as [context.AfterFunc] does, on a goroutine of
// its own. A context that wraps another has it as its own method, so that contexts
// derived from it attach without a goroutine.
func AfterFunc(ctx context.Context, f func()) (stop func() bool) {
	if a, ok := ctx.(interface{ AfterFunc(func()) func() bool }); ok {
		return a.AfterFunc(f)
	}
	return context.AfterFunc(ctx, f)
}

// unvalued is a context that was cancelled and has no values.
var unvalued = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// IsCauseKey reports whether key is the one under which package context looks for the
// context that knows a cause. It is unexported there; but a context that was cancelled
// and has no values answers to that key alone.
func IsCauseKey(key any) bool { return unvalued.Value(key) != nil }

// With returns a context of the standard library that has ended because of cause.
func With(cause error) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	return ctx
}

// Canceled reports whether err comes from a call whose caller has given up: err is not
// nil and ctx, the caller's own context, was cancelled. Drivers and RPC stacks report a
// cancel in words of their own, so the text and type of err do not matter.
func Canceled(ctx context.Context, err error) bool {
	return err != nil && errors.Is(ctx.Err(), context.Canceled)
}
