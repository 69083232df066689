package policy

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/prompt"
	"github.com/ductile-go/ductile/internal/refusal"
	"github.com/ductile-go/ductile/internal/same"
)

// promptly is embedded by policies that run what is inside them at once.
type promptly = prompt.Mark

// CheckPolicy turns results into the errors that they are. Make one with [Check];
// the zero CheckPolicy is not usable. It is immutable and safe for concurrent use.
type CheckPolicy[T any] struct {
	promptly
	fn func(v T, err error) error
}

// Check returns a policy that replaces the error of every result by what fn returns
// for it, and keeps the value. It stands innermost: a response with status 503
// becomes an error there, marked by retry.After, retry.Permanent or breaker.Judge if
// need be, and every policy outside of it sees the same classification.
//
// fn is called on the goroutine of the call, also for a nil error, and must be safe
// for concurrent use. Check panics if fn is nil.
func Check[T any](fn func(v T, err error) error) *CheckPolicy[T] {
	if fn == nil {
		panic("policy: Check: fn is nil, want a function")
	}
	return &CheckPolicy[T]{promptly: promptly{Late: true}, fn: fn} // fn may take its time
}

// Do runs fn and checks its result.
func (c *CheckPolicy[T]) Do(ctx context.Context, fn Func[T]) (T, error) {
	v, err := c.Execute(ctx, CallOf(fn))
	return v, mark.Without(err)
}

// Execute runs next and checks its result.
func (c *CheckPolicy[T]) Execute(ctx context.Context, next Call[T]) (T, error) {
	if ctx.Err() != nil {
		var zero T
		return zero, Ended(ctx)
	}
	v, err := next.Do(ctx)
	return v, c.fn(v, err)
}

// Refusal returns nil: the policies inside are asked.
func (c *CheckPolicy[T]) Refusal(context.Context, time.Duration) error { return nil }

// Describe returns the kind, "check".
func (c *CheckPolicy[T]) Describe() Description { return Description{Kind: "check"} }

// String returns "check".
func (c *CheckPolicy[T]) String() string { return c.Describe().String() }

// SelectPolicy runs each call through a policy chosen for it. Make one with
// [Select]; the zero SelectPolicy is not usable. It is immutable and safe for
// concurrent use.
type SelectPolicy[T any] struct {
	choose func(ctx context.Context) Policy[T]
}

// Select returns a policy that runs each call through the policy that choose
// returns: one for each tenant or route, say, or one that is replaced when
// configuration is reloaded. If choose returns nil, or a nil pointer, the call runs
// without one.
//
// choose is called once a call, on its goroutine, and again before a retry outside
// waits; it must be quick and safe for concurrent use. Select panics if choose is
// nil.
func Select[T any](choose func(ctx context.Context) Policy[T]) *SelectPolicy[T] {
	if choose == nil {
		panic("policy: Select: choose is nil, want a function")
	}
	return &SelectPolicy[T]{choose: choose}
}

// Do runs fn through the chosen policy.
func (s *SelectPolicy[T]) Do(ctx context.Context, fn Func[T]) (T, error) {
	v, err := s.Execute(ctx, CallOf(fn))
	return v, mark.Without(err)
}

// Execute runs next through the chosen policy.
func (s *SelectPolicy[T]) Execute(ctx context.Context, next Call[T]) (T, error) {
	if ctx.Err() != nil {
		var zero T
		return zero, Ended(ctx)
	}
	if p := s.choose(ctx); !same.Nil(p) {
		return p.Execute(ctx, next)
	}
	return next.Do(ctx)
}

// Refusal asks the policy that would be chosen.
func (s *SelectPolicy[T]) Refusal(ctx context.Context, after time.Duration) error {
	p := s.choose(ctx)
	if same.Nil(p) {
		return nil
	}
	return refusal.Of(ctx, p, after)
}

// Describe returns the kind, "select": what is chosen depends on the call.
func (s *SelectPolicy[T]) Describe() Description { return Description{Kind: "select"} }

// String returns "select".
func (s *SelectPolicy[T]) String() string { return s.Describe().String() }
