package cache_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/policy"
)

// failingGet is a store whose Get fails in a way of the test's, if it has one.
type failingGet struct {
	*counted[string]
	fails func(e cache.Entry[int]) (cache.Entry[int], bool, error)
}

func (s *failingGet) Get(ctx context.Context, k string) (cache.Entry[int], bool, error) {
	e, ok, err := s.Memory.Get(ctx, k)
	if s.fails != nil {
		return s.fails(e)
	}
	return e, ok, err
}

// A refresh asks the store for the entry that it replaces. The entry is past its Keep
// time then, so a store may have dropped it.
func TestARefreshIsNotStoredIfTheStoreCannotSayWhatItReplaces(t *testing.T) {
	for name, fails := range map[string]func(e cache.Entry[int]) (cache.Entry[int], bool, error){
		"no entry":         func(cache.Entry[int]) (e cache.Entry[int], ok bool, err error) { return e, false, errStore },
		"the entry itself": func(e cache.Entry[int]) (cache.Entry[int], bool, error) { return e, true, errStore },
		"a panic":          func(cache.Entry[int]) (cache.Entry[int], bool, error) { panic(errStore) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				store := &failingGet{counted: newCounted[string]()}
				c, f, ctx := aged(t, config{Store: store, Stale: 10 * time.Second})
				do, rec := observed[int](c)
				f.set(2, nil)
				f.took = 20 * time.Second
				_, err := do(ctx, f.do)
				require.NoError(t, err)
				synctest.Wait()
				store.fails = fails
				closesIn(t, c, time.Minute)
				assert.EqualValues(t, 1, store.sets.Load())
				told := only(rec, policy.StoreFailed)
				require.Len(t, told, 1)
				assert.Equal(t, "get", told[0].Reason)
				require.ErrorIs(t, told[0].Err, errStore)
				assert.EqualValues(t, 1, c.Snapshot().RefreshFailures)
			})
		})
	}
}

func TestARefreshIsStoredIfTheStoreHasDroppedTheExpiredEntry(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newCounted[string]()
		c, f, ctx := aged(t, config{Store: store, Stale: 10 * time.Second})
		f.set(2, nil)
		f.took = 20 * time.Second
		_, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		synctest.Wait()
		require.NoError(t, store.Memory.Delete(ctx, "a"))
		closesIn(t, c, time.Minute)
		v, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		assert.Equal(t, 2, v)
		assert.Equal(t, 2, f.count())
	})
}
