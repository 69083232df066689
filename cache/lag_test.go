package cache_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/policy"
)

// laggard is a store that takes a second from its look at an entry of "a" to its answer.
func laggard() *slow {
	s := newSlow("a")
	s.lag.Store(int64(time.Second))
	return s
}

func TestAMissThatLookedBeforeAnotherEndedMakesNoCall(t *testing.T) {
	for name, fails := range map[string]error{"value": nil, "kept error": errMissing} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				store := laggard()
				c := cache.New(exactly(config{StaleIfError: time.Hour, NegativeTTL: time.Minute, Negative: isMissing, Store: store}))
				f, ctx := &source{v: 1}, with(t.Context(), "a")
				_, err := c.Do(ctx, f.do)
				require.NoError(t, err)
				time.Sleep(time.Minute)
				f.set(2, fails)
				miss := func() {
					v, err := c.Do(ctx, f.do)
					assert.ErrorIs(t, err, fails)
					assert.Equal(t, 2, v)
				}
				var calls sync.WaitGroup
				calls.Go(miss)
				time.Sleep(time.Second / 2)
				calls.Go(miss) // it looks now, and learns a second later what was there
				calls.Wait()
				assert.Equal(t, 2, f.count())
				s := c.Snapshot()
				assert.EqualValues(t, 3, s.Misses)
				assert.Zero(t, s.StaleIfError)
				require.NoError(t, c.Close(ctx))
			})
		})
	}
}

func TestAReaderThatLookedBeforeARefreshWasStoredBeginsNoOther(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		c, f, ctx := aged(t, config{Store: store})
		do, rec := observed[int](c)
		f.took, store.set = time.Second, time.Second
		_, _ = do(ctx, f.do)
		time.Sleep(1500 * time.Millisecond) // the refresh has its result, and stores it
		store.lag.Store(int64(time.Second))
		_, _ = do(ctx, f.do)
		require.NoError(t, c.Close(t.Context()))
		assert.Equal(t, 2, f.count())
		assert.Zero(t, c.Snapshot().RefreshFailures)
		for _, e := range only(rec, policy.Refreshed) {
			assert.NoError(t, e.Err)
		}
	})
}

func TestAResultOfAnotherKeyDoesNotStandForARefresh(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{Store: laggard()})
		f.set(2, nil)
		go func() {
			time.Sleep(time.Second / 2)
			_, _ = c.Do(with(t.Context(), "b"), f.do)
		}()
		v, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		require.NoError(t, c.Close(ctx))
		v, _ = c.Do(ctx, f.do)
		assert.Equal(t, 2, v)
	})
}

func TestARefreshIsNotReadBeforeItIsStored(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		c, f, ctx := aged(t, config{Store: store})
		f.v, store.set = 2, time.Minute
		for range 30 {
			v, err := c.Do(ctx, f.do)
			require.NoError(t, err)
			require.Equal(t, 1, v, "the store may turn out to have another entry by now")
			time.Sleep(time.Second)
		}
		require.NoError(t, c.Close(ctx))
		v, _ := c.Do(ctx, f.do)
		assert.Equal(t, 2, v)
		assert.Equal(t, 2, f.count())
	})
}

func TestAKeyIsReadWhileTheResultOfAnotherIsBeingStored(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("b")
		c, f, ctx := aged(t, config{Store: store, Cooldown: time.Hour})
		f.set(2, errDown)
		_, err := c.Do(ctx, f.do) // begins a refresh, which fails
		require.NoError(t, err)
		synctest.Wait()
		store.set = time.Minute
		_, err = c.Do(with(t.Context(), "b"), one)
		require.NoError(t, err)
		synctest.Wait()
		v, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		require.NoError(t, c.Close(ctx))
	})
}

func TestADeleteWhileACallLooksTakesTheStaleValueAway(t *testing.T) {
	for deleted, answered := range map[string]bool{"a": false, "b": true} {
		t.Run(deleted, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				c, f, ctx := cache.New(exactly(config{StaleIfError: time.Hour, Store: laggard()})), &source{v: 1}, with(t.Context(), "a")
				_, err := c.Do(ctx, f.do)
				require.NoError(t, err)
				time.Sleep(time.Minute)
				f.set(0, errDown)
				go func() {
					time.Sleep(time.Second / 2)
					assert.NoError(t, c.Delete(t.Context(), deleted))
				}()
				_, err = c.Do(ctx, f.do)
				if answered {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, errDown)
				}
				synctest.Wait()
			})
		})
	}
}
