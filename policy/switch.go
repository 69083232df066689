package policy

import (
	"context"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Switch is a chain that can be replaced while calls run. Package registry reloads
// pipelines with it; most callers want that package instead. Make one with [NewSwitch], or
// call Set before the first use of a zero Switch. It is safe for concurrent use, and a call
// that has begun ends with the chain that it began with.
//
// A Switch is itself a Policy.
type Switch[T any] struct{ now atomic.Pointer[Chain[T]] }

// NewSwitch returns a Switch that runs calls through c, which must not be nil.
func NewSwitch[T any](c *Chain[T]) *Switch[T] {
	s := new(Switch[T])
	s.Set(c)
	return s
}

// Set replaces the chain for calls that begin after it. c must not be nil.
func (s *Switch[T]) Set(c *Chain[T]) { s.now.Store(c) }

// Chain returns the current chain.
func (s *Switch[T]) Chain() *Chain[T] { return s.now.Load() }

// Call returns a call of fn through the current chain. It panics if fn is nil.
func (s *Switch[T]) Call(fn Func[T]) Call[T] { return s.Chain().Call(fn) }

// Execute runs next inside the current chain.
func (s *Switch[T]) Execute(ctx context.Context, next Call[T]) (T, error) {
	return s.Chain().Execute(ctx, next)
}

// Refusal asks the current chain's policies in order; see [Call.Refusal].
func (s *Switch[T]) Refusal(ctx context.Context, after time.Duration) error {
	return s.Chain().Refusal(ctx, after)
}

// Describe returns the current chain's name and policies, outermost first.
func (s *Switch[T]) Describe() Description { return s.Chain().Describe() }
