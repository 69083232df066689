package cache

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/table"
)

type intKey struct{}

func ofInts(cfg Config[int, int]) *Cache[int, int] {
	cfg.Key = func(ctx context.Context) (int, bool) { k, ok := ctx.Value(intKey{}).(int); return k, ok }
	cfg.Jitter = NoJitter
	return New(cfg)
}

func run(t *testing.T, c *Cache[int, int], k int, err error) {
	t.Helper()
	_, _ = c.Do(context.WithValue(t.Context(), intKey{}, k), func(context.Context) (int, error) { return k, err })
}

// foreign is a store that the cache does not know as a Memory.
type foreign struct{ *Memory[int, int] }

func TestAKeyAtRestHasNoSlot(t *testing.T) {
	for name, store := range map[string]Store[int, int]{"built in": nil, "of its own": foreign{NewMemory[int, int](MemoryConfig{})}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := ofInts(Config[int, int]{TTL: time.Minute, Stale: time.Minute, Store: store})
				for k := range 100 {
					run(t, c, k, nil)
					require.NoError(t, c.Delete(t.Context(), k))
					require.NoError(t, c.Refresh(t.Context(), k))
					run(t, c, k, nil)
				}
				synctest.Wait()
				time.Sleep(time.Minute)
				for k := range 100 {
					run(t, c, k, nil)
				}
				rests(t, c)
			})
		})
	}
}

func TestSlotsThatCooledDownAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ofInts(Config[int, int]{TTL: time.Minute, Stale: time.Minute})
		for k := range 100 {
			run(t, c, k, nil)
		}
		time.Sleep(time.Minute)
		for k := range 100 {
			run(t, c, k, errDown)
		}
		synctest.Wait()
		require.Equal(t, 100, c.slots.Load().Len())
		require.EqualValues(t, 100, c.cool.len.Load())
		require.GreaterOrEqual(t, c.slots.Load().Buckets(), 100)
		time.Sleep(time.Minute)
		for k := range 50 {
			run(t, c, 1000+k, nil)
		}
		assert.Zero(t, c.slots.Load().Len())
		assert.Equal(t, table.Smallest, c.slots.Load().Buckets())
		assert.Zero(t, c.cool.len.Load())
	})
}

func TestSlotsThatCoolDownAreBounded(t *testing.T) {
	c := ofInts(Config[int, int]{TTL: 1, Stale: time.Hour, Cooldown: time.Hour, MaxEntries: 3 * DefaultMaxEntries})
	c.cfg.MaxEntries = 1 // the least bound is DefaultMaxEntries
	for k := range DefaultMaxEntries + 500 {
		run(t, c, k, nil)
		run(t, c, k, errDown)
	}
	require.NoError(t, c.Close(t.Context()))
	assert.LessOrEqual(t, c.slots.Load().Len(), DefaultMaxEntries+50)
}

func TestSlotsThatCoolDownAreBoundedWhenManyRefreshesFailAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 500
		c := ofInts(Config[int, int]{TTL: 1, Stale: time.Hour, Cooldown: time.Hour, MaxEntries: 2 * DefaultMaxEntries})
		c.cfg.MaxEntries = 1
		for k := range DefaultMaxEntries + many {
			run(t, c, k, nil)
		}
		time.Sleep(time.Second)
		for k := range DefaultMaxEntries + many {
			_, _ = c.Do(context.WithValue(t.Context(), intKey{}, k), func(context.Context) (int, error) {
				time.Sleep(time.Second) // all at once
				return 0, errDown
			})
		}
		require.NoError(t, c.Close(t.Context()))
		assert.Equal(t, DefaultMaxEntries, c.slots.Load().Len())
	})
}

func TestACooldownDoublesUpToStale(t *testing.T) {
	for _, c := range []struct{ cooldown, stale, first, second, last time.Duration }{
		{time.Second, time.Minute, time.Second, 2 * time.Second, time.Minute},
		{time.Minute, time.Second, time.Second, time.Second, time.Second},
		{math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64},
		{1, math.MaxInt64, 1, 2, math.MaxInt64},
		{4, 10, 4, 8, 10},
		{1, 3, 1, 2, 3},
	} {
		s := &shared[int, int]{cfg: Config[int, int]{Cooldown: c.cooldown, Stale: c.stale}}
		assert.Equal(t, c.first, s.cooldown(1))
		assert.Equal(t, c.second, s.cooldown(2))
		assert.Equal(t, c.last, s.cooldown(100))
	}
}
