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

	"github.com/ductile-go/ductile/coalesce"
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

func TestFlightsThatWouldWaitForEachOtherAreRefused(t *testing.T) {
	for range 50 {
		inBubble(t, func(t *testing.T) {
			c := byKey[string, int]()
			var calls sync.WaitGroup
			var refused atomic.Int32
			call := func(key, other string) {
				calls.Go(func() {
					_, _ = c.Do(with(t.Context(), key), func(ctx context.Context) (int, error) {
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
