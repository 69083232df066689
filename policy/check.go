package policy

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/prompt"
	"github.com/ductile-go/ductile/internal/refusal"
	"github.com/ductile-go/ductile/internal/same"
)

// promptly is embedded by a policy that calls the next one immediately.
type promptly = prompt.Mark

// CheckPolicy replaces the error of each result. Make one with [Check]; the zero
// CheckPolicy is not usable. It is immutable and safe for concurrent use.
type CheckPolicy[T any] struct {
	promptly
	fn func(v T, err error) error
}

// Check returns a policy that replaces the error of each result with the error that fn
// returns for it, and keeps the value. Put it innermost, to turn a response with status
// 503 into an error, say. If fn marks the error with retry.After, retry.Permanent or
// breaker.Judge, every outer policy sees that one classification.
//
// fn is called on the goroutine of the call, also if err is nil. It must be safe for
// concurrent use. Check panics if fn is nil.
func Check[T any](fn func(v T, err error) error) *CheckPolicy[T] {
	if fn == nil {
		panic("policy: Check: fn is nil, want a function")
	}
	return &CheckPolicy[T]{promptly: promptly{Late: true}, fn: fn} // fn may take time
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

// Refusal returns nil, so that the inner policies are asked.
func (c *CheckPolicy[T]) Refusal(context.Context, time.Duration) error { return nil }

// Describe returns the kind, "check".
func (c *CheckPolicy[T]) Describe() Description { return Description{Kind: "check"} }

// String returns "check".
func (c *CheckPolicy[T]) String() string { return c.Describe().String() }

// SelectPolicy runs each call through a policy chosen for it. Make one with [Select];
// the zero SelectPolicy is not usable. It is immutable and safe for concurrent use.
type SelectPolicy[T any] struct {
	choose func(ctx context.Context) Policy[T]
}

// Select returns a policy that runs each call through the policy that choose returns,
// for example one per tenant or route, or one that a reload replaces. If choose returns
// nil or a nil pointer, the call runs without a policy.
//
// choose is called once per call, on its goroutine, and once more before an outer retry
// sleeps. It must be quick and safe for concurrent use. Select panics if choose is nil.
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

// Refusal asks the policy that choose returns.
func (s *SelectPolicy[T]) Refusal(ctx context.Context, after time.Duration) error {
	p := s.choose(ctx)
	if same.Nil(p) {
		return nil
	}
	return refusal.Of(ctx, p, after)
}

// Describe returns the kind, "select". The chosen policy is not known without a call.
func (s *SelectPolicy[T]) Describe() Description { return Description{Kind: "select"} }

// String returns "select".
func (s *SelectPolicy[T]) String() string { return s.Describe().String() }
