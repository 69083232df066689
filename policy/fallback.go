package policy

import (
	"context"
	"fmt"

	"github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/internal/turn"
)

// FallbackPolicy replaces the result of a failed call. Make one with [Fallback] or
// [FallbackValue]; the zero FallbackPolicy is not usable. It is immutable and safe for
// concurrent use.
type FallbackPolicy[T any] struct {
	promptly
	name string
	fn   func(ctx context.Context, err error) (T, error)
	when func(v T, err error) bool
}

// Fallback returns a policy that calls fn with the error of a failed call, and returns
// the result of fn. fn gets the context that the policy was called with, which no
// attempt's timeout has ended. If fn fails too, the error matches both failures, and
// [ErrRejected] only if both do. To decline, fn returns the error that it was given,
// and the caller gets that error unchanged.
//
// By default fn is called for every error, unless the caller's context was cancelled.
// Use WithCondition to change that. Fallback panics if fn is nil.
func Fallback[T any](fn func(ctx context.Context, err error) (T, error)) *FallbackPolicy[T] {
	if fn == nil {
		panic("policy: Fallback: fn is nil, want a function")
	}
	return &FallbackPolicy[T]{fn: fn}
}

// FallbackValue returns a policy that returns v for a failed call.
func FallbackValue[T any](v T) *FallbackPolicy[T] {
	return Fallback(func(context.Context, error) (T, error) { return v, nil })
}

// WithName returns a copy with a name, for its events and description.
func (f *FallbackPolicy[T]) WithName(name string) *FallbackPolicy[T] {
	g := *f
	g.name = name
	return &g
}

// WithCondition returns a copy that handles the results for which match returns true,
// instead of every error. match also gets values with a nil error. It is not called for
// an error if the caller's context was cancelled. It must be safe for concurrent use.
// WithCondition panics if match is nil.
func (f *FallbackPolicy[T]) WithCondition(match func(v T, err error) bool) *FallbackPolicy[T] {
	if match == nil {
		panic("policy: FallbackPolicy.WithCondition: match is nil, want a function")
	}
	g := *f
	g.Late = true // match may take time
	g.when = match
	return &g
}

// Do runs fn with the fallback.
func (f *FallbackPolicy[T]) Do(ctx context.Context, fn Func[T]) (T, error) {
	v, err := f.Execute(ctx, CallOf(fn))
	return v, mark.Without(err)
}

// Execute runs next, and the fallback if it failed.
func (f *FallbackPolicy[T]) Execute(ctx context.Context, next Call[T]) (T, error) {
	if ctx.Err() != nil {
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
	if ending.Canceled(ctx, err) {
		return v, err
	}
	if f.when != nil && !f.when(v, err) {
		return v, err
	}
	if next.Observed(FellBack) {
		next.Emit(ctx, Event{Kind: FellBack, Policy: "fallback", Name: f.name, Err: mark.Without(err)})
	}
	turn.Begin(ctx).End() // from here on a function runs, and may be abandoned
	w, failed := f.fn(ctx, err)
	switch {
	case failed == nil:
		if next.HasObservers() {
			next.Emit(ctx, Event{Kind: Recovered, Policy: "fallback", Name: f.name, Err: mark.Without(err)})
		}
		return w, nil
	case err == nil, same.Values(failed, err):
		return w, failed
	}
	return w, both(fmt.Sprintf("policy: fallback failed: %v; the call had failed: %v", failed, err), failed, err)
}

// Describe returns the kind, "fallback", and the name.
func (f *FallbackPolicy[T]) Describe() Description {
	return Description{Kind: "fallback", Name: f.name}
}

// String returns "fallback", or "fallback(name)".
func (f *FallbackPolicy[T]) String() string { return f.Describe().String() }
