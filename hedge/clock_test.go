package hedge_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	bclock "github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// sleeping returns an attempt that sleeps on a clock.
func sleeping(clk policy.Clock, d time.Duration, v int) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) { return v, policy.Sleep(ctx, clk, d) }
}

func TestAFakeClockCountsTheWaitsOfACall(t *testing.T) {
	clk := fake.NewClock()
	h := hedge.New[int](hedge.Config{Delay: 10 * ms, Clock: clk})
	done := make(chan int)
	go func() {
		v, err := h.Do(t.Context(), attempts{sleeping(clk, time.Second, 1), sleeping(clk, 5*ms, 2)}.run)
		assert.NoError(t, err)
		done <- v
	}()
	require.NoError(t, clk.BlockUntil(t.Context(), 2), "the first attempt and the timer of the next")
	clk.Advance(10 * ms)
	require.NoError(t, clk.BlockUntil(t.Context(), 2), "two attempts")
	clk.Advance(5 * ms)
	assert.Equal(t, 2, <-done)
	assert.Zero(t, clk.Waiters(), "no wait is left on the clock")
}

func TestAFakeClockCountsACallerThatWaitsForExtraAttempts(t *testing.T) {
	clk := fake.NewClock()
	h := hedge.New[int](hedge.Config{Delay: 10 * ms, Clock: clk})
	done := make(chan int)
	go func() {
		v, err := h.Do(t.Context(), attempts{
			func(ctx context.Context) (int, error) { return 0, errors.Join(policy.Sleep(ctx, clk, 20*ms), errDown) },
			sleeping(clk, time.Second, 2),
		}.run)
		assert.NoError(t, err)
		done <- v
	}()
	for _, by := range []time.Duration{10 * ms, 10 * ms, time.Second - 10*ms} {
		// In turn: the first attempt and a timer; two attempts; one attempt and the caller.
		require.NoError(t, clk.BlockUntil(t.Context(), 2))
		clk.Advance(by)
	}
	assert.Equal(t, 2, <-done)
	assert.Zero(t, clk.Waiters())
}

func TestAnAutoAdvanceClockFiresTheTimerDuringASleep(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		clk := fake.NewClock(fake.AutoAdvance())
		start := clk.Now()
		began := make(chan time.Duration, 1)
		h := hedge.New[int](hedge.Config{Delay: 10 * ms, Clock: clk})
		v, err := h.Do(t.Context(), attempts{sleeping(clk, time.Second, 1), func(ctx context.Context) (int, error) {
			began <- clk.Now().Sub(start)
			<-ctx.Done()
			return 0, ctx.Err()
		}}.run)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		synctest.Wait()
		assert.GreaterOrEqual(t, <-began, 10*ms)
		assert.Zero(t, clk.Waiters())
	})
}

func TestTheBenbjohnsonMockWorksAsAClock(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		clk := bclock.NewMock()
		for _, abandon := range []bool{false, true} {
			h := hedge.New[int](hedge.Config{Delay: 10 * ms, Clock: clk, Abandon: abandon})
			done := make(chan int, 1)
			go func() {
				v, err := h.Do(t.Context(), attempts{sleeping(clk, time.Second, 1), sleeping(clk, 5*ms, 2)}.run)
				assert.NoError(t, err)
				done <- v
			}()
			synctest.Wait()
			clk.Add(10 * ms)
			synctest.Wait()
			clk.Add(5 * ms)
			synctest.Wait()
			assert.Equal(t, 2, <-done)
		}
	}) // the bubble reports any goroutine that still waits for the clock
}

func TestALearnedDelayIsMeasuredOnTheConfiguredClock(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	h := hedge.New[int](hedge.Config{MinCalls: 10, Clock: clk})
	for range 10 {
		_, err := h.Do(t.Context(), attempts{sleeping(clk, 40*ms, 1)}.run)
		require.NoError(t, err)
	}
	hedged := make(chan struct{})
	rec := fake.NewRecorder()
	p := pipeline.New[int](h).WithObserver(rec.Observe, policy.Hedged)
	_, err := p.Do(t.Context(), attempts{
		func(ctx context.Context) (int, error) {
			_ = policy.Sleep(ctx, clk, time.Second)
			<-hedged
			return 1, nil
		},
		func(context.Context) (int, error) { close(hedged); return 2, nil },
	}.run)
	require.NoError(t, err)
	require.Len(t, rec.Events(), 1)
	assert.GreaterOrEqual(t, rec.Events()[0].Delay, 40*ms)
	assert.LessOrEqual(t, rec.Events()[0].Delay, 44*ms)
}

// receding is a clock that is set back by an hour at each reading.
type receding struct{ readings atomic.Int64 }

func (r *receding) Now() time.Time {
	return time.Now().Round(0).Add(-time.Duration(r.readings.Add(1)) * time.Hour)
}

func (*receding) After(d time.Duration) <-chan time.Time { return time.After(d) }

func (*receding) WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(parent, d)
}

func TestARetryAfterDelaysNoAttemptForLongIfTheClockIsSetBack(t *testing.T) {
	for name, c := range map[string]struct {
		runs attempts
		want time.Duration
	}{
		"alone": {
			attempts{after(ms, 0, retry.After(errDown, time.Second)), after(0, 2, nil)}, ms + 30*time.Second,
		},
		"beside another": {
			attempts{after(12*ms, 0, retry.After(errDown, time.Second)), after(time.Hour, 0, nil), after(0, 2, nil)}, 12*ms + 30*time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				h := hedge.New[int](hedge.Config{Delay: 10 * ms, MaxExtra: 2, OnFailure: true, Budget: hedge.NoBudget, Clock: &receding{}})
				d := took(func() {
					v, err := h.Do(t.Context(), c.runs.run)
					require.NoError(t, err)
					assert.Equal(t, 2, v)
				})
				assert.Equal(t, c.want, d)
			})
		})
	}
}
