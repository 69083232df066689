package coalesce_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/coalesce"
)

// NaN is not equal to itself: a map keeps each as an entry that can never be deleted.
func TestANaNKeyIsNotSharedAndLeavesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := byKey[float64, int]()
		ctx := with(t.Context(), math.NaN())
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				v, err := c.Do(ctx, after(time.Second, 42, nil))
				assert.Equal(t, 42, v)
				assert.NoError(t, err)
			})
		}
		synctest.Wait()
		c.Forget(math.NaN())
		all.Wait()
		assert.Zero(t, c.Snapshot())
	})
}

// An interface may hold a key that has no hash. The panic must not leave the lock held.
func TestAKeyWithoutAHashPanicsAndHoldsUpNoOther(t *testing.T) {
	c := byKey[any, int]()
	for range 2 {
		assert.Panics(t, func() { _, _ = c.Do(with[any](t.Context(), []int{1}), after(0, 1, nil)) })
		assert.Panics(t, func() { c.Forget([]int{1}) })
		assert.Panics(t, func() { c.Forget(struct{ a any }{[]int{1}}) })
		v, err := c.Do(with[any](t.Context(), 1), after(0, 2, nil))
		require.NoError(t, err)
		assert.Equal(t, 2, v)
	}
	assert.Equal(t, coalesce.Snapshot{Flights: 2}, c.Snapshot())
}

func TestAKeyThatEndsTheContextRunsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx, leave := context.WithCancelCause(t.Context())
		c := coalesce.New[string, int](func(context.Context) (string, bool) { leave(errLeft); return "", true })
		_, err := c.Do(ctx, func(context.Context) (int, error) { t.Error("the function ran"); return 0, nil })
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, errLeft)
		synctest.Wait()
		assert.Zero(t, c.Snapshot().InFlight)
	})
}

func TestKeyIsAskedOncePerCall(t *testing.T) {
	asked := 0
	c := coalesce.New[string, int](func(context.Context) (string, bool) { asked++; return "", true })
	for range 3 {
		_, err := c.Do(t.Context(), after(0, 1, nil))
		require.NoError(t, err)
	}
	assert.Equal(t, 3, asked)
}
