package cache

import (
	"context"
	"hash/maphash"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/table"
)

func TestASlotHasTheCallsThatRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ofInts(Config[int, int]{TTL: time.Minute})
		begin := func(v int, took time.Duration) {
			go func() {
				_, _ = c.Do(context.WithValue(t.Context(), intKey{}, 1), func(context.Context) (int, error) { time.Sleep(took); return v, nil })
			}()
			synctest.Wait()
			require.NoError(t, c.Delete(t.Context(), 1)) // so that the next call begins a flight
		}
		for i := range 3 {
			begin(i, time.Duration(1+i)*time.Second)
		}
		s := c.slots.Load().Find(maphash.Comparable(c.seed, 1), 1)
		require.NotNil(t, s)
		for i := range 4 {
			c.mu.Lock()
			calls := slices.Clone(s.calls)
			c.mu.Unlock()
			require.Len(t, calls, 3-i)
			for _, r := range calls {
				assert.False(t, r.returned.Load())
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
	})
}

func TestTheTableOfSlotsFitsTheCallsThatRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ofInts(Config[int, int]{TTL: time.Minute})
		for k := range 100 {
			go func() {
				_, _ = c.Do(context.WithValue(t.Context(), intKey{}, k), func(context.Context) (int, error) { time.Sleep(time.Second); return k, nil })
			}()
		}
		synctest.Wait()
		assert.GreaterOrEqual(t, c.slots.Load().Buckets(), 100)
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, table.Smallest, c.slots.Load().Buckets())
	})
}

// In a bubble of synctest, the times of a cache that was made outside are negative.
func TestAKeyWithoutARefreshIsNotQuietAtANegativeTime(t *testing.T) {
	c := ofInts(Config[int, int]{TTL: time.Minute, Stale: time.Minute})
	s, _ := c.watched(1)
	assert.False(t, c.quiet(s.hash, 1, math.MinInt64))
	c.unhold(s)
}

func TestACloseThatEndsEarlyLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ofInts(Config[int, int]{TTL: time.Minute, Stale: time.Minute})
		run(t, c, 1, nil)
		time.Sleep(time.Minute)
		_, _ = c.Do(context.WithValue(t.Context(), intKey{}, 1), func(context.Context) (int, error) { time.Sleep(10 * time.Second); return 2, nil })
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, c.Close(short), context.DeadlineExceeded)
		assert.Empty(t, c.closing)
		require.NoError(t, c.Close(t.Context()))
	})
}

// held is a store whose Set waits until it is released.
type held struct {
	foreign
	released chan struct{}
}

func (h held) Set(ctx context.Context, k int, e Entry[int]) error {
	<-h.released
	return h.foreign.Set(ctx, k, e)
}

func TestOneOfManyFlightsWaitsForASlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := held{foreign{NewMemory[int, int](MemoryConfig{})}, make(chan struct{})}
		c := ofInts(Config[int, int]{TTL: time.Minute, Store: store})
		for range 5 {
			run(t, c, 1, nil)
			time.Sleep(time.Minute)
		}
		s := c.slots.Load().Find(maphash.Comparable(c.seed, 1), 1)
		require.NotNil(t, s)
		assert.Empty(t, s.line)
		assert.Equal(t, 1, s.refs)
		close(store.released)
		require.NoError(t, c.Close(t.Context()))
		assert.Zero(t, c.slots.Load().Len())
	})
}
