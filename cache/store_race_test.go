package cache_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
)

// In these tests something happens while a Store is slow.

func TestAResultOnItsWayAnswersNoCallAfterDeleteHasBegun(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		store.set = time.Minute
		c, f, ctx := cache.New(exactly(config{Store: store, TTL: time.Hour})), &source{v: 1}, with(t.Context(), "a")
		_, _ = c.Do(ctx, f.do)
		synctest.Wait() // the result is being stored
		var deletes sync.WaitGroup
		deletes.Go(func() { assert.NoError(t, c.Delete(t.Context(), "a")) })
		synctest.Wait()
		f.set(2, nil)
		v, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		assert.Equal(t, 2, v)
		deletes.Wait()
		require.NoError(t, c.Close(t.Context()))
	})
}

func TestACooldownEndsWhenDeleteBegins(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		c, f, ctx := aged(t, config{Store: store, Cooldown: time.Hour})
		f.err = errDown
		_, _ = c.Do(ctx, f.do)
		synctest.Wait()
		store.set = time.Minute
		var deletes sync.WaitGroup
		deletes.Go(func() { assert.NoError(t, c.Delete(t.Context(), "a")) })
		synctest.Wait()
		v, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		assert.Equal(t, 1, v, "the entry is not removed yet")
		synctest.Wait()
		assert.Equal(t, 3, f.count(), "another refresh")
		deletes.Wait()
	})
}

func TestACooldownEndsBeforeTheNextResultIsStored(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		c, f, ctx := aged(t, config{Store: store, Cooldown: time.Hour})
		f.set(0, errDown)
		_, _ = c.Do(ctx, f.do)
		synctest.Wait()
		require.NoError(t, store.Memory.Delete(ctx, "a"))
		store.set = time.Hour
		f.set(2, nil)
		_, _ = c.Do(ctx, f.do)
		time.Sleep(time.Minute)
		v, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		assert.Equal(t, 2, v, "stale")
		synctest.Wait()
		assert.Equal(t, 4, f.count(), "a refresh")
		require.NoError(t, c.Close(t.Context()))
	})
}

func TestAnEntryThatIsDeletedDuringALookDoesNotAnswerACallThatFails(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		c, f, ctx := cache.New(exactly(config{Store: store, StaleIfError: time.Hour})), &source{v: 1}, with(t.Context(), "a")
		_, _ = c.Do(ctx, f.do)
		time.Sleep(time.Minute)
		f.set(0, errDown)
		store.lag.Store(int64(time.Second))
		failed := make(chan error, 1)
		go func() { _, err := c.Do(ctx, f.do); failed <- err }()
		synctest.Wait() // it has the entry, and is still in Get
		require.NoError(t, c.Delete(t.Context(), "a"))
		require.ErrorIs(t, <-failed, errDown)
	})
}

func TestAResultThatIsNotStoredYetAnswersACallThatLookedBefore(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		store.set = time.Hour
		c, f, ctx := cache.New(exactly(config{Store: store})), &source{v: 1}, with(t.Context(), "a")
		store.lag.Store(int64(time.Second))
		var slow sync.WaitGroup
		slow.Go(func() {
			v, err := c.Do(ctx, f.do)
			assert.NoError(t, err)
			assert.Equal(t, 1, v)
		})
		synctest.Wait() // it has found nothing, and is still in Get
		store.lag.Store(0)
		_, _ = c.Do(ctx, f.do)
		slow.Wait()
		assert.Equal(t, 1, f.count())
		require.NoError(t, c.Close(t.Context()))
	})
}

func TestARefreshThatIsStoredDuringALookAnswersTheCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		c, f, ctx := aged(t, config{Store: store, Stale: 10 * time.Second})
		f.set(2, nil)
		store.set = 2 * time.Second
		_, _ = c.Do(ctx, f.do)
		synctest.Wait() // the refresh has its result, and stores it
		store.lag.Store(int64(10 * time.Second))
		var slow sync.WaitGroup
		slow.Go(func() {
			v, err := c.Do(ctx, f.do)
			assert.NoError(t, err)
			assert.Equal(t, 2, v)
		})
		synctest.Wait() // it has the old entry, which is gone when Get returns
		store.lag.Store(0)
		slow.Wait()
		assert.Equal(t, 2, f.count())
	})
}

func TestACallThatLeavesBeforeItsFunctionRunsHasTheErrorOfItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		store.lag.Store(int64(time.Second))
		c, f, ctx := cache.New(exactly(config{Store: store})), &source{v: 1}, with(t.Context(), "a")
		short, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		failed, stays := make(chan error, 1), make(chan error, 1)
		go func() { _, err := c.Do(short, f.do); failed <- err }()
		go func() { _, err := c.Do(ctx, f.do); stays <- err }()
		synctest.Wait()
		_, _ = c.Do(with(t.Context(), "b"), one) // a result makes the flight of "a" look again
		store.lag.Store(int64(time.Minute))
		require.ErrorIs(t, <-failed, context.DeadlineExceeded)
		assert.Zero(t, f.count(), "it still looks")
		require.NoError(t, <-stays)
		require.NoError(t, c.Close(t.Context()))
	})
}
