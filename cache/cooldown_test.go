package cache_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
)

func TestFailedRefreshesCoolDownForTwiceAsLongEachTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{Stale: 10 * time.Second, TTL: time.Minute})
		f.err, f.took = errDown, 100*time.Millisecond
		var begun []time.Duration
		start, seen := time.Now(), 1
		for time.Since(start) < 10*time.Second {
			v, err := c.Do(ctx, f.do)
			require.NoError(t, err)
			require.Equal(t, 1, v)
			synctest.Wait()
			if n := f.count(); n != seen {
				begun, seen = append(begun, time.Since(start)), n
			}
			time.Sleep(50 * time.Millisecond)
		}
		assert.Equal(t, []time.Duration{
			0, 1100 * time.Millisecond, 3200 * time.Millisecond, 7300 * time.Millisecond,
		}, begun, "1, 2 and 4 s after the end of each failure")
		synctest.Wait()
	})
}

func TestACooldownIsAtMostAsLongAsStale(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{Stale: 10 * time.Second, Cooldown: time.Hour})
		f.err = errDown
		_, _ = c.Do(ctx, f.do)
		synctest.Wait()
		time.Sleep(10*time.Second - 1)
		_, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, 2, f.count())
	})
}

func TestACooldownEndsAtItsExactDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{Cooldown: 3 * time.Second})
		f.err = errDown
		read := func() int { _, _ = c.Do(ctx, f.do); synctest.Wait(); return f.count() }
		assert.Equal(t, 2, read())
		time.Sleep(3*time.Second - 1)
		assert.Equal(t, 2, read())
		time.Sleep(time.Nanosecond)
		assert.Equal(t, 3, read())
	})
}

func TestASuccessEndsTheCooldown(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{})
		read := func() int { _, _ = c.Do(ctx, f.do); synctest.Wait(); return f.count() }
		f.set(0, errDown)
		for i := range 3 {
			assert.Equal(t, 2+i, read())
			time.Sleep(time.Second << i)
		}
		f.set(2, nil)
		assert.Equal(t, 5, read())
		time.Sleep(time.Minute)
		f.set(0, errDown)
		assert.Equal(t, 6, read())
		time.Sleep(time.Second)
		assert.Equal(t, 7, read(), "the first failure after a success cools down for 1 s")
	})
}

func TestARejectedRefreshKeepsTheStaleValueAndCoolsDown(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{})
		f.err = policy.ErrRejected
		for range 10 {
			v, err := c.Do(ctx, f.do)
			require.NoError(t, err)
			assert.Equal(t, 1, v)
			synctest.Wait()
		}
		assert.Equal(t, 2, f.count())
	})
}

func TestAValueThatCacheIfRefusesLeavesTheStaleOne(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{})
		c = c.WithCacheIf(func(v int) bool { return v > 0 })
		f.v = -1
		for range 5 {
			v, err := c.Do(ctx, f.do)
			require.NoError(t, err)
			assert.Equal(t, 1, v)
			synctest.Wait()
		}
		assert.Equal(t, 2, f.count())
		assert.EqualValues(t, 1, c.Snapshot().RefreshFailures)
	})
}
