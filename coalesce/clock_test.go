package coalesce_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	bclock "github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func TestAFakeClockCountsTheCallsThatWait(t *testing.T) {
	clk := fake.NewClock()
	c := oneKey().WithClock(clk)
	assert.Same(t, clk, c.Clock())
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			v, err := c.Do(t.Context(), func(ctx context.Context) (int, error) { return 42, policy.Sleep(ctx, clk, time.Second) })
			assert.Equal(t, 42, v)
			assert.NoError(t, err)
		})
	}
	require.NoError(t, clk.BlockUntil(t.Context(), 4), "three callers and a sleep")
	clk.Advance(time.Second)
	all.Wait()
	assert.Zero(t, clk.Waiters())
}

func TestCallersLeaveByADeadlineOnAFakeClock(t *testing.T) {
	clk := fake.NewClock()
	c := oneKey().WithClock(clk)
	ctx, cancel := clk.WithTimeout(t.Context(), time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := c.Do(ctx, func(ctx context.Context) (int, error) {
			err := policy.Sleep(ctx, clk, time.Hour)
			ended <- err
			return 0, err
		})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		ended <- nil
	}()
	require.NoError(t, clk.BlockUntil(t.Context(), 3), "a deadline, a caller and a sleep")
	clk.Advance(time.Second)
	for range 2 {
		if err := <-ended; err != nil {
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		}
	}
	assert.Zero(t, clk.Waiters())
}

func TestAnAutoAdvanceClockIsMovedByTheFlight(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	begun := clk.Now()
	v, err := oneKey().WithClock(clk).Do(t.Context(), func(ctx context.Context) (int, error) {
		return 42, policy.Sleep(ctx, clk, time.Hour)
	})
	require.NoError(t, err)
	assert.Equal(t, 42, v)
	assert.Equal(t, time.Hour, clk.Now().Sub(begun))
}

func TestTheBenbjohnsonMockWorksAsAClock(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		clk := bclock.NewMock()
		c := oneKey().WithClock(clk)
		short, cancel := clk.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		for n, ctx := range []context.Context{short, t.Context()} {
			all.Go(func() {
				v, err := c.Do(ctx, func(ctx context.Context) (int, error) { return 42, policy.Sleep(ctx, clk, time.Minute) })
				if n == 0 {
					assert.ErrorIs(t, err, context.DeadlineExceeded)
					return
				}
				assert.Equal(t, 42, v)
				assert.NoError(t, err)
			})
			synctest.Wait()
		}
		clk.Add(time.Second)
		synctest.Wait()
		clk.Add(time.Minute)
		all.Wait()
	})
}

func TestACoalesceMadeOutsideABubbleServesBubbles(t *testing.T) {
	c := byKey[int, int]()
	share := func(t *testing.T, key int) {
		inBubble(t, func(t *testing.T) {
			for range 20 {
				var all sync.WaitGroup
				for range 5 {
					all.Go(func() {
						ctx, cancel := context.WithTimeout(with(t.Context(), key), time.Minute)
						defer cancel()
						v, err := c.Do(ctx, after(time.Second, key, nil))
						assert.Equal(t, key, v)
						assert.NoError(t, err)
					})
				}
				all.Wait()
			}
		})
	}
	for range 2 {
		share(t, 1) // one after another with the same key
	}
	t.Run("at the same time with other keys", func(t *testing.T) {
		for key := range 4 {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				share(t, key)
			})
		}
	})
	v, err := c.Do(with(t.Context(), 1), after(0, 1, nil))
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	assert.EqualValues(t, 6*20+1, c.Snapshot().Flights)
}

// brokenClock panics when a goroutine is started on it.
type brokenClock struct{ bubbleClock }

func (brokenClock) Go(func()) { panic(errDown) }

func TestAClockThatPanicsLeavesNothingRegistered(t *testing.T) {
	c := oneKey().WithClock(brokenClock{})
	for range 2 {
		assert.PanicsWithValue(t, errDown, func() { _, _ = c.Do(t.Context(), after(0, 1, nil)) })
		assert.Zero(t, c.Snapshot().InFlight)
	}
	v, err := c.WithClock(nil).Do(t.Context(), after(0, 1, nil))
	require.NoError(t, err)
	assert.Equal(t, 1, v, "copies share the flights")
	assert.Equal(t, coalesce.Snapshot{Flights: 3}, c.Snapshot())
}

// eagerClock runs what is started on it to its end, before Go returns.
type eagerClock struct{ bubbleClock }

func (eagerClock) Go(f func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f()
	}()
	<-ended
}

// The caller's context ends in the key function. The flight has found that before the caller
// begins to wait.
func TestACallThatEndsBeforeItsFlightBeginsIsNoSuccess(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	c := coalesce.New[int, int](func(context.Context) (int, bool) { cancel(errLeft); return 1, true }).WithClock(eagerClock{})
	fn := fake.NewFunc[int]().Return(42)
	rec := fake.NewRecorder()
	v, err := pipeline.New[int](c).WithObserver(rec.Observe, policy.FinishedLate).Do(ctx, fn.Do)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, errLeft)
	assert.Zero(t, v)
	assert.Zero(t, fn.Calls())
	assert.Empty(t, rec.Events(), "nothing ran that could finish late")
	assert.Zero(t, c.Snapshot().InFlight)
}
