package policy

import (
	"context"
	"fmt"
)

// FallbackPolicy answers for a call that failed. Make one with [Fallback] or
// [FallbackValue]; the zero FallbackPolicy has no answer. It is immutable and safe for concurrent use.
type FallbackPolicy[T any] struct {
	fn   func(ctx context.Context, err error) (T, error)
	when func(v T, err error) bool
}

// Fallback returns a policy that calls fn with the error of a call that failed,
// and returns what fn returns. fn gets the context that the policy was called
// with, not that of an attempt. If fn fails too, the error matches both.
//
// By default every error is answered for, except that of a caller who has given
// up, as [Canceled] says: nobody is there to take the answer. See WithCondition.
//
// Fallback panics when fn is nil.
func Fallback[T any](fn func(ctx context.Context, err error) (T, error)) *FallbackPolicy[T] {
	if fn == nil {
		panic("policy: Fallback: fn is nil, want a function")
	}
	return &FallbackPolicy[T]{fn: fn}
}

// FallbackValue returns a policy that answers v for a call that failed.
func FallbackValue[T any](v T) *FallbackPolicy[T] {
	return Fallback(func(context.Context, error) (T, error) { return v, nil })
}

// WithCondition returns a copy that answers for those results that match says true of,
// instead of the default, values with a nil error included. It is not asked
// about a call that a gone caller cancelled, and must be safe for concurrent use.
// WithCondition panics when match is nil.
func (f *FallbackPolicy[T]) WithCondition(match func(v T, err error) bool) *FallbackPolicy[T] {
	if match == nil {
		panic("policy: FallbackPolicy.WithCondition: match is nil, want a function")
	}
	g := *f
	g.when = match
	return &g
}

// Do runs fn with the fallback behind it.
func (f *FallbackPolicy[T]) Do(ctx context.Context, fn Func[T]) (T, error) {
	return f.Execute(ctx, CallOf(fn))
}

// Execute runs next and answers for it where it failed.
func (f *FallbackPolicy[T]) Execute(ctx context.Context, next Call[T]) (T, error) {
	if err := ctx.Err(); err != nil {
		var zero T
		return zero, Ended(ctx)
	}
	v, err := next.Do(ctx)
	if err == nil && f.when == nil {
		return v, nil
	}
	return f.answer(ctx, next, v, err)
}

func (f *FallbackPolicy[T]) answer(ctx context.Context, next Call[T], v T, err error) (T, error) {
	if Canceled(ctx, err) {
		return v, err
	}
	if f.when != nil && !f.when(v, err) {
		return v, err
	}
	next.Emit(ctx, Event{Kind: FellBack, Policy: "fallback", Err: err})
	w, failed := f.fn(ctx, err)
	if failed != nil && err != nil {
		return w, &fallbackError{fallback: failed, call: err}
	}
	return w, failed
}

// String returns "fallback".
func (f *FallbackPolicy[T]) String() string { return "fallback" }

// fallbackError is the failure of a fallback, with the one that it was to
// answer for.
type fallbackError struct{ fallback, call error }

func (e *fallbackError) Error() string {
	return fmt.Sprintf("policy: fallback failed: %v; it stood in for: %v", e.fallback, e.call)
}

func (e *fallbackError) Unwrap() []error { return []error{e.fallback, e.call} }
