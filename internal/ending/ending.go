// Package ending deals with the end of contexts.
package ending

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"
)

// AfterFunc arranges for f to be called when ctx ends. It uses the AfterFunc method of
// ctx if there is one, and otherwise [context.AfterFunc], which calls f on its own
// goroutine. A context that wraps another implements AfterFunc with it, so that
// contexts derived from it attach without a goroutine.
func AfterFunc(ctx context.Context, f func()) (stop func() bool) {
	if a, ok := ctx.(interface{ AfterFunc(func()) func() bool }); ok {
		return a.AfterFunc(f)
	}
	return context.AfterFunc(ctx, f)
}

// unvalued is a cancelled context without values.
var unvalued = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// IsCauseKey reports whether key is the key under which package context looks for the
// context that has a cause. The key is unexported there, but a cancelled context
// without values has a value for no other key.
func IsCauseKey(key any) bool { return unvalued.Value(key) != nil }

// With returns a context of the standard library that has ended with cause.
func With(cause error) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	return ctx
}

// Canceled reports whether err is the result of a call whose caller has given up: err
// is not nil, and ctx, the caller's own context, was cancelled. Drivers and RPC stacks
// report a cancel in their own words, so the text and type of err do not matter.
func Canceled(ctx context.Context, err error) bool {
	return err != nil && errors.Is(ctx.Err(), context.Canceled)
}

// Text returns the text of a context as package context prints a parent of its own
// contexts: without a look at the fields, which other goroutines may write. fmt prints a
// context through its String method only, and else reads the fields.
func Text(ctx context.Context) string {
	if s, ok := ctx.(fmt.Stringer); ok {
		return s.String()
	}
	return reflect.TypeOf(ctx).String()
}

// MovableKey is the key under which a context has a value if its deadline may become
// later. A context of the standard library that is derived from it with a deadline does
// not know that: if the parent's is earlier at that moment, it sets no timer.
type MovableKey struct{}

// Movable reports whether the deadline of ctx may become later.
func Movable(ctx context.Context) bool { return ctx.Value(MovableKey{}) != nil }

// Unbounded returns ctx without its deadline. It still ends when ctx does.
func Unbounded(ctx context.Context) context.Context { return unbounded{ctx} }

type unbounded struct{ context.Context }

func (unbounded) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }
