package cache_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
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

// wakeful is a clock that runs a function before it wakes the caller of a flight.
type wakeful struct {
	*fake.Clock
	before func()
}

type wakefulWaiter struct {
	policy.Waiter
	clock *wakeful
}

func (w *wakeful) NewWaiter() policy.Waiter { return wakefulWaiter{w.Clock.NewWaiter(), w} }

func (w wakefulWaiter) Wake() {
	if before := w.clock.before; before != nil {
		w.clock.before = nil
		before()
	}
	w.Waiter.Wake()
}

// external is a store of another type than Memory, so results are on their way for a while.
type external struct{ *cache.Memory[string, int] }

// The slot of the key cools down still when the next call succeeds. A call for another key
// drops slots whose cooldown is over.
func TestAResultOnItsWayIsStoredAlsoIfACooldownEndsMeanwhile(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		clk := &wakeful{Clock: fake.NewClock()}
		store := external{cache.NewMemory[string, int](cache.MemoryConfig{Clock: clk})}
		c := cache.New(exactly(config{TTL: time.Second, Stale: time.Second, Store: store, Clock: clk}))
		ctx := with(t.Context(), "a")
		f := &source{v: 1}
		do := func(ctx context.Context) int {
			v, err := c.Do(ctx, f.do)
			require.NoError(t, err)
			synctest.Wait()
			return v
		}
		require.Equal(t, 1, do(ctx))
		clk.Advance(1500 * time.Millisecond)
		f.set(0, errDown)
		require.Equal(t, 1, do(ctx))
		require.EqualValues(t, 1, c.Snapshot().RefreshFailures)
		clk.Advance(time.Second)
		f.set(2, nil)
		clk.before = func() { _, _ = c.Do(with(t.Context(), "b"), f.do) }
		require.Equal(t, 2, do(ctx))
		e, ok, err := store.Get(ctx, "a")
		require.NoError(t, err)
		assert.True(t, ok)
		assert.Equal(t, 2, e.Value)
		soon, cancel := clk.WithTimeout(t.Context(), 0)
		defer cancel()
		assert.NoError(t, c.Close(soon), "nothing is on its way")
	})
}

// The observer of a failed refresh waits for the end of its cooldown, and calls.
func TestACallAfterTheEventOfARefreshBeginsTheNext(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{})
		f.set(0, errDown)
		refreshes := 0
		p := policy.NewChain("", []policy.Listener{{Observe: func(context.Context, policy.Event) {
			if refreshes++; refreshes == 1 {
				time.Sleep(time.Second)
				v, err := c.Do(ctx, f.do)
				assert.NoError(t, err)
				assert.Equal(t, 1, v)
			}
		}, Kinds: []policy.EventKind{policy.Refreshed}}}, c)
		_, err := p.Call(f.do).Do(ctx)
		require.NoError(t, err)
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, 3, f.count(), "the first call and two refreshes")
		assert.NoError(t, c.Close(t.Context()))
	})
}
