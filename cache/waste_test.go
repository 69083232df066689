package cache_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
)

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
