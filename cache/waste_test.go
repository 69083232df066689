package cache_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
)

// counting is a clock that counts its readings.
type counting struct {
	*fake.Clock
	readings atomic.Int64
}

func (c *counting) Now() time.Time {
	c.readings.Add(1)
	return c.Clock.Now()
}

func TestAnAnswerFromTheCacheReadsTheClockOnce(t *testing.T) {
	clk := &counting{Clock: fake.NewClock()}
	c, f := cache.New(exactly(config{Stale: time.Hour, Cooldown: time.Hour, Clock: clk})), &source{v: 1}
	ctx := with(t.Context(), "a")
	answer := func() int64 {
		clk.readings.Store(0)
		v, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		return clk.readings.Load()
	}
	answer()
	assert.EqualValues(t, 1, answer(), "a fresh value")
	clk.Advance(time.Minute)
	f.set(0, errDown)
	answer()
	require.NoError(t, c.Close(ctx)) // waits for the refresh, which fails
	assert.EqualValues(t, 1, answer(), "a stale value that cools down")
	assert.Equal(t, 2, f.count())
}

// The function deletes the key, so that what the call has found is out of date when it
// fails. It has found nothing.
func TestACallThatFoundNothingAsksTheStoreOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		c := cache.New(exactly(config{StaleIfError: time.Hour, Store: store}))
		_, err := c.Do(with(t.Context(), "a"), func(ctx context.Context) (int, error) {
			assert.NoError(t, c.Delete(ctx, "a"))
			return 0, errDown
		})
		require.ErrorIs(t, err, errDown)
		synctest.Wait()
		assert.EqualValues(t, 1, store.gets.Load())
	})
}

func TestACallThatFoundAnEntryAsksTheStoreOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		c, f, ctx := cache.New(exactly(config{StaleIfError: time.Hour, Store: store})), &source{v: 1}, with(t.Context(), "a")
		_, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		require.NoError(t, c.Close(ctx))
		time.Sleep(time.Minute)
		store.gets.Store(0)
		f.set(0, errDown)
		_, err = c.Do(ctx, f.do)
		require.NoError(t, err, "answered with the kept value")
		assert.EqualValues(t, 1, store.gets.Load())
	})
}
