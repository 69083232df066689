package coalesce_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func TestACallOfItsOwnKeyIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := oneKey()
		v, err := c.Do(t.Context(), func(ctx context.Context) (int, error) {
			_, err := c.Do(context.WithoutCancel(ctx), after(0, 1, nil))
			require.ErrorIs(t, err, coalesce.ErrCycle)
			require.ErrorIs(t, err, policy.ErrRejected)
			require.NoError(t, ctx.Err())
			return 42, nil
		})
		require.NoError(t, err)
		assert.Equal(t, 42, v)
		assert.Equal(t, coalesce.Snapshot{Flights: 1}, c.Snapshot())
	})
}

// TestACallOfItsOwnKeyAsksForNoDeadline makes a cycle of callers with a deadline. The deadline
// of the refused caller is that of the flight, which asks its callers for theirs.
func TestACallOfItsOwnKeyAsksForNoDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := oneKey()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		until, _ := ctx.Deadline()
		v, err := c.Do(ctx, func(ctx context.Context) (int, error) {
			_, err := c.Do(ctx, after(0, 1, nil))
			require.ErrorIs(t, err, coalesce.ErrCycle)
			deadline, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.Equal(t, until, deadline)
			return 42, nil
		})
		require.NoError(t, err)
		assert.Equal(t, 42, v)
	})
}

// TestACycleThroughACacheIsRefused calls a cache and a coalesce inside of it, whose flights
// are of two groups, from the function of both.
func TestACycleThroughACacheIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		key := func(context.Context) (string, bool) { return "a", true }
		kept, shared := cache.New(cache.Config[string, int]{Key: key, TTL: time.Minute}), coalesce.New[string, int](key)
		p := pipeline.New[int](kept, shared)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		v, err := p.Do(ctx, func(ctx context.Context) (int, error) {
			_, err := p.Do(ctx, after(0, 1, nil))
			require.ErrorIs(t, err, cache.ErrCycle)
			_, err = shared.Do(ctx, after(0, 1, nil))
			require.ErrorIs(t, err, coalesce.ErrCycle)
			return 42, nil
		})
		require.NoError(t, err)
		assert.Equal(t, 42, v)
		require.NoError(t, kept.Close(t.Context()))
	})
}

// asking is the context of a caller that calls back when it is first asked for a value.
type asking struct {
	context.Context
	back atomic.Pointer[func()]
}

func (a *asking) Value(key any) any {
	if back := a.back.Swap(nil); back != nil {
		(*back)()
	}
	return a.Context.Value(key)
}

// The function of the flight b calls a, whose function waits for b. The search for that cycle
// asks another caller of b, which looks at the context of b meanwhile.
func TestAFlightMayBeAskedWhileACallOfItClosesACycle(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := byKey[string, int]()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		until, _ := ctx.Deadline()
		other := &asking{Context: with(policy.WithPriority(ctx, policy.High), "b")}
		asked := false
		var calls sync.WaitGroup
		calls.Go(func() {
			_, err := c.Do(with(ctx, "a"), func(ctx context.Context) (int, error) {
				return c.Do(with(ctx, "b"), func(ctx context.Context) (int, error) {
					time.Sleep(time.Second)
					back := func() {
						deadline, ok := ctx.Deadline()
						assert.True(t, ok)
						assert.Equal(t, until, deadline)
						assert.Equal(t, policy.High, policy.PriorityOf(ctx))
						assert.False(t, policy.Speculative(ctx))
						asked = true
					}
					other.back.Store(&back)
					return c.Do(with(ctx, "a"), after(0, 1, nil))
				})
			})
			assert.ErrorIs(t, err, coalesce.ErrCycle)
		})
		synctest.Wait()
		calls.Go(func() {
			_, err := c.Do(other, after(0, 1, nil))
			assert.ErrorIs(t, err, coalesce.ErrCycle)
		})
		calls.Wait()
		assert.True(t, asked)
	})
}

func TestFlightsThatWouldWaitForEachOtherAreRefused(t *testing.T) {
	for i := range 50 {
		inBubble(t, func(t *testing.T) {
			c := byKey[string, int]()
			begin := t.Context()
			if i%2 == 0 {
				ctx, cancel := context.WithTimeout(begin, time.Hour)
				defer cancel()
				begin = ctx
			}
			var calls sync.WaitGroup
			var refused atomic.Int32
			call := func(key, other string) {
				calls.Go(func() {
					_, _ = c.Do(with(begin, key), func(ctx context.Context) (int, error) {
						time.Sleep(time.Second)
						_, err := c.Do(with(ctx, other), after(0, 1, nil))
						if err != nil {
							assert.ErrorIs(t, err, coalesce.ErrCycle)
							refused.Add(1)
						}
						return 1, err
					})
				})
			}
			call("a", "b")
			call("b", "c")
			call("c", "a")
			calls.Wait()
			assert.Positive(t, refused.Load())
			assert.Zero(t, c.Snapshot().InFlight)
		})
	}
}

func TestACallOfAnotherFlightMayBeJoinedByTwoOthers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := byKey[string, int]()
		var calls sync.WaitGroup
		for _, key := range []string{"a", "b"} {
			calls.Go(func() {
				v, err := c.Do(with(t.Context(), key), func(ctx context.Context) (int, error) {
					return c.Do(with(ctx, "c"), after(time.Second, 42, nil))
				})
				assert.NoError(t, err)
				assert.Equal(t, 42, v)
			})
		}
		synctest.Wait()
		calls.Wait()
		assert.EqualValues(t, 3, c.Snapshot().Flights)
	})
}
