package cache_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/internal/readings"
)

func TestTheClockIsReadNoMoreThanNeeded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		clk := readings.NewClock()
		c := cache.New(exactly(config{Clock: clk, Stale: time.Hour, Cooldown: time.Hour}))
		f, ctx := &source{v: 1}, with(t.Context(), "a")
		do := func() {
			v, err := c.Do(ctx, f.do)
			require.NoError(t, err)
			require.Equal(t, 1, v)
		}
		changes := func() { require.NoError(t, c.Delete(ctx, "b")) }
		do()
		assert.Equal(t, 1, clk.Of(do), "a fresh entry")
		assert.Zero(t, clk.Of(changes), "a Delete")
		clk.Advance(time.Minute)
		f.set(0, errDown)
		f.held = make(chan struct{})
		do()
		synctest.Wait()
		assert.Equal(t, 1, clk.Of(do), "a stale entry during a refresh")
		close(f.held)
		synctest.Wait()
		assert.Equal(t, 1, clk.Of(do), "a stale entry during a cooldown")
		assert.Equal(t, 1, clk.Of(changes), "a Delete, which looks whether the cooldown is over")
		assert.Equal(t, 2, f.count())
	})
}

func TestAKeptErrorThatHasExpiredAnswersNoCallDuringACooldown(t *testing.T) {
	store := cache.NewMemory[string, int](cache.MemoryConfig{})
	inBubble(t, func(t *testing.T) { // where it is long before the store was made
		c, f, ctx := aged(t, config{Store: store, Cooldown: time.Hour})
		f.set(0, errDown)
		_, _ = c.Do(ctx, f.do)
		synctest.Wait()
		now := time.Now()
		end := now.Add(time.Second)
		require.NoError(t, store.Set(ctx, "a", cache.Entry[int]{Err: errMissing, Made: now, Fresh: end, Stale: end, Keep: end}))
		_, err := c.Do(ctx, f.do)
		require.ErrorIs(t, err, errMissing)
		time.Sleep(time.Second)
		f.set(2, nil)
		v, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		assert.Equal(t, 2, v)
	})
}
