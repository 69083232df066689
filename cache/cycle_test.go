package cache_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/policy"
)

func TestAMissOfItsOwnKeyIsRefused(t *testing.T) {
	c := cache.New(exactly(config{}))
	v, err := c.Do(with(t.Context(), "a"), func(ctx context.Context) (int, error) {
		_, err := c.Do(ctx, one)
		require.ErrorIs(t, err, cache.ErrCycle)
		require.ErrorIs(t, err, policy.ErrRejected)
		return 42, nil
	})
	require.NoError(t, err)
	assert.Equal(t, 42, v)
	require.NoError(t, c.Close(t.Context()))
}

// The function of a has its answer, the stale b, and does not wait for the refresh of b.
func TestARefreshMayWaitForTheMissThatBeganIt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := cache.New(exactly(config{Stale: time.Minute, RefreshTimeout: 2 * time.Hour}))
		_, err := c.Do(with(t.Context(), "b"), one)
		require.NoError(t, err)
		time.Sleep(time.Minute)
		var refreshed int
		v, err := c.Do(with(t.Context(), "a"), func(ctx context.Context) (int, error) {
			_, err := c.Do(with(ctx, "b"), func(ctx context.Context) (int, error) {
				v, err := c.Do(with(ctx, "a"), one)
				refreshed = v
				return v, err
			})
			time.Sleep(time.Second)
			return 42, err
		})
		require.NoError(t, err)
		assert.Equal(t, 42, v)
		require.NoError(t, c.Close(t.Context()))
		assert.Equal(t, 42, refreshed)
		assert.Zero(t, c.Snapshot().RefreshFailures)
	})
}

// As soon as it does wait, by a miss of b, there is a cycle.
func TestAMissThatJoinsARefreshThatWaitsForItIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := cache.New(exactly(config{Stale: time.Minute, RefreshTimeout: 2 * time.Hour}))
		_, err := c.Do(with(t.Context(), "b"), one)
		require.NoError(t, err)
		time.Sleep(time.Minute)
		_, err = c.Do(with(t.Context(), "a"), func(ctx context.Context) (int, error) {
			_, err := c.Do(with(ctx, "b"), func(ctx context.Context) (int, error) { return c.Do(with(ctx, "a"), one) })
			require.NoError(t, err)
			time.Sleep(time.Hour) // b is gone, and its refresh waits for a
			return c.Do(with(ctx, "b"), one)
		})
		require.ErrorIs(t, err, cache.ErrCycle)
		require.NoError(t, c.Close(t.Context()))
	})
}
