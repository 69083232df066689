package coalesce

import (
	"context"
	"fmt"

	"github.com/ductile-go/ductile/internal/flight"
	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
)

// kind is the Policy field of events.
const kind = "coalesce"

// ErrCycle is the error of a call that would wait for itself: the function of a flight
// called its own key, or one whose function waits for it. It matches
// [policy.ErrRejected]. The check follows contexts: a call whose context is not derived from
// the function's is not found, and waits for itself.
var ErrCycle = fmt.Errorf("coalesce: the function of a flight called the key of the flight, which would wait for itself; use another key, or call the function without the coalesce (%w)", policy.ErrRejected)

// Coalesce is a policy with which calls of the same key at the same time share one flight.
// Make one with [New]; the zero Coalesce is not usable. It is safe for concurrent use. The
// copies that the With methods return share the flights and the totals.
type Coalesce[K comparable, T any] struct {
	group  *flight.Group[K, T]
	key    func(ctx context.Context) (K, bool)
	name   string
	clone  func(v T) T
	clock  policy.Clock
	waiter func() flight.Waiter // on clock
}

// New returns a policy that coalesces the calls for which key returns the same key. For a
// call that must not be shared, key returns false: it runs as if there were no policy, and
// so does a call whose key is not equal to itself, such as NaN.
//
// key is called on the caller's goroutine, once per call, before the call is part of a
// flight. It must be safe for concurrent use. Everything that the result depends on
// belongs in the key, for example the tenant and the user's rights: the function of one
// caller answers for all. New panics if key is nil.
func New[K comparable, T any](key func(ctx context.Context) (K, bool)) *Coalesce[K, T] {
	if key == nil {
		panic("coalesce: New: key is nil, want a function that returns the key of a call")
	}
	c := &Coalesce[K, T]{group: &flight.Group[K, T]{}, key: key}
	return c.WithClock(nil)
}

// WithName returns a copy with a name for events, descriptions and snapshots.
func (c *Coalesce[K, T]) WithName(name string) *Coalesce[K, T] {
	w := *c
	w.name = name
	return &w
}

// WithClock returns a copy whose calls wait, and whose flights start, on clock. Nil, the
// default, means real time. A Coalesce has no timers; the clock of a test lets it count
// the calls that wait.
func (c *Coalesce[K, T]) WithClock(clock policy.Clock) *Coalesce[K, T] {
	w := *c
	w.clock = clock
	w.waiter = func() flight.Waiter { return policy.NewWaiter(clock) }
	return &w
}

// WithClone returns a copy that gives every caller of a flight, the first included, a
// clone of the value, for values that callers change. It skips a zero value with an error.
// fn is called on each caller's goroutine, several at a time with the same value, so it
// must only read it. A panic in fn passes through to that caller. WithClone panics if fn
// is nil.
func (c *Coalesce[K, T]) WithClone(fn func(v T) T) *Coalesce[K, T] {
	if fn == nil {
		panic("coalesce: Coalesce.WithClone: fn is nil, want a function")
	}
	w := *c
	w.clone = fn
	return &w
}

// Name returns the name, or "" if it has none.
func (c *Coalesce[K, T]) Name() string { return c.name }

// Clock returns the clock, or nil for real time.
func (c *Coalesce[K, T]) Clock() policy.Clock { return c.clock }

// Describe returns the kind, "coalesce", and the name.
func (c *Coalesce[K, T]) Describe() policy.Description {
	return policy.Description{Kind: kind, Name: c.name}
}

// String returns "coalesce", or "coalesce(name)".
func (c *Coalesce[K, T]) String() string { return c.Describe().String() }

// Forget makes the next call of key begin a new flight, even while an old one is in the
// air: for a key whose result has just changed. Callers of the old flight still get its
// result. Forget does nothing if key has no flight.
func (c *Coalesce[K, T]) Forget(key K) { c.group.Forget(key) }

// Do runs fn, or returns the result of the flight with the same key. It removes the outer
// marks of packages breaker and retry from the error.
func (c *Coalesce[K, T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	v, err := c.Execute(ctx, policy.CallOf(fn))
	return v, mark.Without(err)
}

// Execute runs next, or returns the result of the flight with the same key.
func (c *Coalesce[K, T]) Execute(ctx context.Context, next policy.Call[T]) (T, error) {
	var zero T
	if ctx.Err() != nil {
		return zero, policy.Ended(ctx)
	}
	key, ok := c.key(ctx)
	if !ok {
		return next.Do(ctx)
	}
	seat, began, err := c.group.Join(ctx, key, c.waiter)
	switch {
	case err != nil:
		return zero, ErrCycle
	case seat == nil:
		return next.Do(ctx)
	case began:
		c.start(seat, next)
	case next.Observed(policy.Joined):
		c.tellJoined(ctx, seat, next)
	}
	v, left, err := seat.Wait()
	if left {
		if err == nil {
			err = policy.Ended(ctx)
		}
		return zero, err
	}
	return c.own(v, err), err
}
