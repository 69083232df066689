package coalesce_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
)

// brittleClock is a clock whose waiters panic while it is told to.
type brittleClock struct {
	bubbleClock
	breaks *atomic.Bool
}

func (b brittleClock) NewWaiter() policy.Waiter {
	return brittleWaiter{policy.NewWaiter(nil), b.breaks}
}

type brittleWaiter struct {
	policy.Waiter
	breaks *atomic.Bool
}

func (w brittleWaiter) Wait(ctx context.Context) error {
	if w.breaks.Load() {
		panic(errDown)
	}
	return w.Waiter.Wait(ctx)
}

func TestAClockThatPanicsInAWaitGivesUpTheSeat(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		breaks := new(atomic.Bool)
		c := oneKey().WithClock(brittleClock{breaks: breaks})
		ended := make(chan error, 1)
		breaks.Store(true)
		assert.PanicsWithValue(t, errDown, func() {
			_, _ = c.Do(t.Context(), func(ctx context.Context) (int, error) {
				<-ctx.Done()
				ended <- ctx.Err()
				return 0, ctx.Err()
			})
		})
		synctest.Wait()
		require.Len(t, ended, 1, "the flight has no caller any more")
		assert.ErrorIs(t, <-ended, context.Canceled)
		assert.Zero(t, c.Snapshot().InFlight)
		breaks.Store(false)
		v, err := c.Do(t.Context(), after(0, 1, nil))
		require.NoError(t, err)
		assert.Equal(t, 1, v)
	})
}

// early is a context that has closed Done and does not have its error yet.
type early struct{ context.Context }

func (early) Done() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

func TestACallerWhoseContextEndsWithoutAnErrorGetsNoZeroSuccess(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := oneKey()
		_, err := c.Do(early{t.Context()}, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		require.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, c.Snapshot().InFlight)
	})
}
