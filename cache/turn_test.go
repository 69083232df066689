package cache_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/policy"
)

func TestChangesOfAKeyReachTheStoreOneAfterAnother(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		store.set = time.Minute
		c, start := cache.New(exactly(config{Store: store})), time.Now()
		_, _ = c.Do(with(t.Context(), "a"), one)
		synctest.Wait() // the result is being stored
		var deletes sync.WaitGroup
		for i := range 3 {
			deletes.Go(func() {
				assert.NoError(t, c.Delete(t.Context(), "a"))
				assert.Equal(t, time.Duration(2+i)*time.Minute, time.Since(start))
			})
			synctest.Wait()
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, c.Delete(short, "a"), context.DeadlineExceeded, "it leaves, and no other takes its turn early")
		deletes.Wait()
	})
}

// leaving is a waiter that runs a function when it has waited in vain.
type leaving struct {
	policy.Waiter
	left func()
}

func (w leaving) Wait(ctx context.Context) error {
	err := w.Waiter.Wait(ctx)
	if err != nil {
		w.left()
	}
	return err
}

// storing returns a cache on clk that stores a result of "a", until the store is released.
func storing(t *testing.T, clk policy.Clock) (*cache.Cache[string, int], *stuck) {
	t.Helper()
	store := newStuck("a")
	c := cache.New(exactly(config{Store: store, Clock: clk}))
	_, _ = c.Do(with(t.Context(), "a"), one)
	synctest.Wait()
	return c, store
}

func TestAChangeFindsItsTurnFreeAtTheSecondLook(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		clk := &staged{Clock: newFake()}
		c, store := storing(t, clk)
		clk.over = func(w policy.Waiter) policy.Waiter {
			close(store.released)
			synctest.Wait()
			return w
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.NoError(t, c.Delete(short, "a"))
		clk.over = nil
		require.NoError(t, c.Delete(short, "a"))
		assert.Zero(t, store.Len())
	})
}

func TestAChangeThatLeavesJustAsItsTurnComesGivesItToTheNext(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		clk := &staged{Clock: newFake()}
		c, store := storing(t, clk)
		clk.over = func(w policy.Waiter) policy.Waiter {
			return leaving{w, func() { close(store.released); synctest.Wait() }}
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var deletes sync.WaitGroup
		deletes.Go(func() { assert.ErrorIs(t, c.Delete(short, "a"), context.DeadlineExceeded) })
		synctest.Wait()
		clk.over = nil
		next, cancelNext := context.WithTimeout(t.Context(), time.Minute)
		defer cancelNext()
		require.NoError(t, c.Delete(next, "a"))
		deletes.Wait()
		assert.Zero(t, store.Len())
	})
}

// quitting is a store whose first Set waits, and then calls runtime.Goexit.
type quitting struct {
	*stuck
	once sync.Once
}

func (q *quitting) Set(ctx context.Context, k string, e cache.Entry[int]) error {
	q.once.Do(func() {
		<-q.released
		runtime.Goexit()
	})
	return q.Memory.Set(ctx, k, e)
}

func TestAResultThatCameDuringASetThatCallsGoexitIsStored(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := &quitting{stuck: newStuck("a")}
		c, f, ctx := cache.New(exactly(config{Store: store})), &source{v: 1}, with(t.Context(), "a")
		_, _ = c.Do(ctx, f.do)
		time.Sleep(time.Minute)
		f.set(2, nil)
		_, _ = c.Do(ctx, f.do)
		synctest.Wait()
		close(store.released)
		closes(t, c)
		e, ok, err := store.Get(ctx, "a")
		require.NoError(t, err)
		assert.True(t, ok)
		assert.Equal(t, 2, e.Value)
	})
}

func TestCloseDoesNotWaitForACallWhoseResultIsOutOfDate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		store.set = time.Minute
		c, f := cache.New(exactly(config{Store: store})), &source{v: 1, took: time.Second}
		var calls sync.WaitGroup
		calls.Go(func() { _, _ = c.Do(with(t.Context(), "a"), f.do) })
		synctest.Wait()
		var deletes sync.WaitGroup
		deletes.Go(func() { assert.NoError(t, c.Delete(t.Context(), "a")) })
		calls.Wait()
		synctest.Wait()
		closes(t, c)
		deletes.Wait()
		assert.Zero(t, store.sets.Load())
	})
}

func TestEachResultIsStoredThatComesDuringALongCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("")
		c, f, ctx := cache.New(exactly(config{Store: store})), &source{}, with(t.Context(), "a")
		var long sync.WaitGroup
		long.Go(func() { _, _ = c.Do(ctx, (&source{took: time.Hour}).do) })
		synctest.Wait()
		for v := range 3 {
			require.NoError(t, c.Delete(t.Context(), "a")) // so that the next call does not join the long one
			f.set(v, nil)
			_, _ = c.Do(ctx, f.do)
			synctest.Wait()
			e, ok, err := store.Get(ctx, "a")
			require.NoError(t, err)
			assert.True(t, ok)
			assert.Equal(t, v, e.Value)
		}
		closes(t, c)
		long.Wait()
	})
}
