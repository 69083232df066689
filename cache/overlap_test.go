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

// In these tests two calls of one key overlap, or a call overlaps with Close.

func TestACallThatLeavesDoesNotHaveTheResultOfAnOlderFlight(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		held := make(chan struct{})
		c, ctx := cache.New(exactly(config{})).WithCacheIf(func(int) bool { <-held; return true }), with(t.Context(), "a")
		var older sync.WaitGroup
		older.Go(func() { _, _ = c.Do(ctx, one) })
		synctest.Wait() // its function has returned, and the flight goes on
		require.NoError(t, c.Delete(t.Context(), "a"))
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := c.Do(short, (&source{took: time.Hour}).do)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(held)
		older.Wait()
	})
}

func TestALateResultOfACallThatAllHaveLeftDoesNotReplaceANewerOne(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := cache.New(exactly(config{})), &source{v: 2}, with(t.Context(), "a")
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := c.Do(short, func(context.Context) (int, error) { time.Sleep(10 * time.Second); return 1, nil })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = c.Do(ctx, f.do)
		require.NoError(t, err)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		v, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		assert.Equal(t, 2, v)
		assert.Equal(t, 1, f.count())
	})
}

// Calls of other keys forget keys whose cooldown is over.
func TestAKeyWithACallIsNotForgottenAfterItsCooldown(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{Stale: 10 * time.Second})
		f.set(0, errDown)
		_, _ = c.Do(ctx, f.do)
		time.Sleep(time.Minute) // the cooldown is over, and the entry is gone
		f.set(2, nil)
		f.took = time.Second
		var call sync.WaitGroup
		call.Go(func() {
			v, err := c.Do(ctx, f.do)
			assert.NoError(t, err)
			assert.Equal(t, 2, v)
		})
		synctest.Wait()
		_, _ = c.Do(with(t.Context(), "b"), one)
		require.NoError(t, c.Delete(t.Context(), "a"))
		call.Wait()
		f.set(3, nil)
		v, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		assert.Equal(t, 3, v, "the result of the call is older than the Delete")
	})
}

func TestACloseThatEndsEarlyLeavesAnotherWaiting(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{})
		f.took = 10 * time.Second
		_, _ = c.Do(ctx, f.do)
		start := time.Now()
		var closing sync.WaitGroup
		closing.Go(func() {
			assert.NoError(t, c.Close(t.Context()))
			assert.Equal(t, 10*time.Second, time.Since(start))
		})
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, c.Close(short), context.DeadlineExceeded)
		closing.Wait()
	})
}
