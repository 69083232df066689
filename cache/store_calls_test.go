package cache_test

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
)

// counted is a store that counts what changes it.
type counted[K comparable] struct {
	*cache.Memory[K, int]
	sets, deletes atomic.Int32
}

func newCounted[K comparable]() *counted[K] {
	return &counted[K]{Memory: cache.NewMemory[K, int](cache.MemoryConfig{})}
}

func (s *counted[K]) Set(ctx context.Context, k K, e cache.Entry[int]) error {
	s.sets.Add(1)
	return s.Memory.Set(ctx, k, e)
}

func (s *counted[K]) Delete(ctx context.Context, k K) error {
	s.deletes.Add(1)
	return s.Memory.Delete(ctx, k)
}

func TestAKeyThatDoesNotEqualItselfNeverReachesTheStore(t *testing.T) {
	store := newCounted[float64]()
	c := cache.New(cache.Config[float64, int]{Key: keyIn[float64], TTL: time.Minute, Store: store})
	nan := math.NaN()
	_, err := c.Do(with(t.Context(), nan), one)
	require.NoError(t, err)
	require.NoError(t, c.Delete(t.Context(), nan))
	require.NoError(t, c.Refresh(t.Context(), nan))
	require.NoError(t, c.Close(t.Context()))
	assert.Zero(t, store.sets.Load())
	assert.Zero(t, store.deletes.Load())
}

func TestRefreshChangesTheStoreOnlyIfThereIsAFreshEntry(t *testing.T) {
	for _, stale := range []time.Duration{0, time.Hour} {
		inBubble(t, func(t *testing.T) {
			store := newCounted[string]()
			c, f := cache.New(exactly(config{Store: store, Stale: stale})), &source{v: 1}
			require.NoError(t, c.Refresh(t.Context(), "none"))
			assert.Zero(t, store.sets.Load())
			assert.Zero(t, store.deletes.Load())
			if stale == 0 {
				return
			}
			_, _ = c.Do(with(t.Context(), "a"), f.do)
			require.NoError(t, c.Close(t.Context()))
			require.NoError(t, c.Refresh(t.Context(), "a"))
			assert.EqualValues(t, 2, store.sets.Load())
			require.NoError(t, c.Refresh(t.Context(), "a"))
			assert.EqualValues(t, 2, store.sets.Load(), "it is stale already")
		})
	}
}

func TestAResultIsInMemoryBeforeItsCallReturns(t *testing.T) {
	clk := &wakeful{Clock: newFake()}
	store := cache.NewMemory[string, int](cache.MemoryConfig{Clock: clk})
	c := cache.New(exactly(config{Store: store, Clock: clk}))
	found := 0
	clk.before = func() { found = store.Len() }
	_, err := c.Do(with(t.Context(), "a"), one)
	require.NoError(t, err)
	assert.Equal(t, 1, found)
}
