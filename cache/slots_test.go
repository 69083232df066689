package cache

import (
	"context"
	"errors"
	"hash/maphash"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
)

var errDown = errors.New("down")

// rests checks that nothing is going on for any key.
func rests(t *testing.T, c *Cache[int, int]) {
	t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	assert.Zero(t, c.slots.Load().Len())
	assert.Zero(t, c.pending.Load())
	assert.Zero(t, c.background)
}

func TestAKeyWhoseEntryAnswersACallThatFailsHasNoSlotAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ofInts(Config[int, int]{TTL: time.Minute, StaleIfError: time.Hour})
		run(t, c, 1, nil)
		time.Sleep(time.Minute)
		for _, fails := range []error{errDown, nil} {
			run(t, c, 1, fails)
			rests(t, c)
		}
		assert.EqualValues(t, 1, c.Snapshot().StaleIfError)
		time.Sleep(time.Minute)
		assert.Panics(t, func() {
			_, _ = c.Do(context.WithValue(t.Context(), intKey{}, 1), func(context.Context) (int, error) { panic("boom") })
		})
		rests(t, c)
	})
}

// asking is a store whose Get is a function of the test.
type asking struct {
	*Memory[int, int]
	get func(k int)
}

func (s *asking) Get(ctx context.Context, k int) (Entry[int], bool, error) {
	if s.get != nil {
		s.get(k)
	}
	return s.Memory.Get(ctx, k)
}

// The call looks a second time, because another key has been deleted since the first.
func TestAPanicOfTheStoreInASecondLookLeavesNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &asking{Memory: NewMemory[int, int](MemoryConfig{})}
		c := ofInts(Config[int, int]{TTL: time.Minute, StaleIfError: time.Hour, Store: store})
		run(t, c, 1, nil)
		time.Sleep(time.Minute)
		looks := 0
		store.get = func(int) {
			if looks++; looks == 2 {
				panic("the store is broken")
			}
			assert.NoError(t, c.Delete(t.Context(), 2))
		}
		assert.PanicsWithValue(t, "the store is broken", func() { run(t, c, 1, nil) })
		rests(t, c)
	})
}

func TestAStaleAnswerDuringARefreshTakesNoLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ofInts(Config[int, int]{TTL: time.Minute, Stale: time.Hour})
		run(t, c, 1, nil)
		time.Sleep(time.Minute)
		release := make(chan struct{})
		ctx := context.WithValue(t.Context(), intKey{}, 1)
		slow := func(context.Context) (int, error) { <-release; return 2, nil }
		_, err := c.Do(ctx, slow)
		require.NoError(t, err)
		synctest.Wait()

		served := 0
		observed := policy.NewChain("", []policy.Listener{{
			Observe: func(context.Context, policy.Event) { served++ }, Kinds: []policy.EventKind{policy.Served},
		}}, policy.Policy[int](c))
		c.mu.Lock()
		v, err := c.Do(ctx, slow)
		assert.NoError(t, err)
		assert.Equal(t, 1, v)
		_, err = observed.Call(slow).Do(ctx)
		c.mu.Unlock()
		require.NoError(t, err)
		assert.Equal(t, 1, served)
		close(release)
		require.NoError(t, c.Close(t.Context()))
		rests(t, c)
	})
}

// Readers that find the entry stale at the same time ask one after another.
func TestOneOfSeveralReadersMayBeginARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ofInts(Config[int, int]{TTL: time.Minute, Stale: time.Hour})
		hash := maphash.Comparable(c.seed, 1)
		s, _ := c.claimRefresh(hash, 1, 0)
		require.NotNil(t, s)
		for range 2 {
			other, _ := c.claimRefresh(hash, 1, 0)
			require.Nil(t, other)
		}
		c.yield(s)
		rests(t, c)
		s, _ = c.claimRefresh(hash, 1, 0)
		require.NotNil(t, s, "the next refresh")
		c.yield(s)
		rests(t, c)
	})
}
