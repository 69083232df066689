package cache_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/policy"
)

// failing is a store of a test that calls t.FailNow, which is runtime.Goexit.
type failing struct {
	*cache.Memory[string, int]
	exits atomic.Bool
}

func (s *failing) Set(ctx context.Context, k string, e cache.Entry[int]) error {
	if s.exits.Load() {
		runtime.Goexit()
	}
	return s.Memory.Set(ctx, k, e)
}

func TestAStoreThatCallsGoexitLeavesNothingBehind(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := &failing{Memory: cache.NewMemory[string, int](cache.MemoryConfig{})}
		c, f, ctx := cache.New(exactly(config{Store: store, Stale: time.Hour})), &source{v: 1}, with(t.Context(), "a")
		store.exits.Store(true)
		_, err := c.Do(ctx, f.do)
		require.NoError(t, err, "the call has its result before it is stored")
		synctest.Wait()
		store.exits.Store(false)
		closes(t, c)

		c = cache.New(exactly(config{Store: store, Stale: time.Hour}))
		_, _ = c.Do(ctx, f.do)
		synctest.Wait() // until the result is stored
		store.exits.Store(true)
		time.Sleep(time.Minute)
		_, _ = c.Do(ctx, f.do) // begins a refresh
		synctest.Wait()
		store.exits.Store(false)
		assert.EqualValues(t, 1, c.Snapshot().RefreshFailures)
		require.NoError(t, c.Delete(ctx, "a"))
		f.set(2, nil)
		_, _ = c.Do(ctx, f.do)
		synctest.Wait()
		assert.Equal(t, 1, store.Len(), "later results are stored")
		closes(t, c)
	})
}

func TestAnObserverOfStoreFailedThatCallsGoexitLeavesNothingBehind(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		store.setErr = errStore
		c := cache.New(exactly(config{Store: store}))
		chain := policy.NewChain("", []policy.Listener{{
			Observe: func(context.Context, policy.Event) { runtime.Goexit() },
			Kinds:   []policy.EventKind{policy.StoreFailed},
		}}, policy.Policy[int](c))
		_, err := chain.Call(one).Do(with(t.Context(), "a"))
		require.NoError(t, err)
		synctest.Wait()
		closes(t, c)
	})
}

// closes checks that nothing runs in the background any more.
func closes(t *testing.T, c *cache.Cache[string, int]) {
	t.Helper()
	closesIn(t, c, time.Second)
}

// closesIn checks that nothing runs in the background after a time.
func closesIn(t *testing.T, c *cache.Cache[string, int], d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	require.NoError(t, c.Close(ctx))
}
