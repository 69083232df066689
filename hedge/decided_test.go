package hedge_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// The tests below let a call be decided between two steps of one of its goroutines: in a
// method of the clock that this goroutine calls there.

// stepped is a fake clock with hooks.
type stepped struct {
	*fake.Clock
	waits   func()      // before a waiter is made
	ended   func()      // after a wait has ended with its context
	timers  int         // made so far
	onTimer func(n int) // after the nth timer is set
	onStop  func(n int) // before the nth timer is stopped
}

func (c *stepped) NewWaiter() policy.Waiter {
	if c.waits != nil {
		c.waits()
	}
	return &steppedWaiter{c.Clock.NewWaiter(), c}
}

type steppedWaiter struct {
	policy.Waiter
	clk *stepped
}

func (w *steppedWaiter) Wait(ctx context.Context) error {
	err := w.Waiter.Wait(ctx)
	if err != nil && w.clk.ended != nil {
		w.clk.ended()
	}
	return err
}

func (c *stepped) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	c.timers++ // one at a time, in the order of attempts
	n := c.timers
	stopped := c.Clock.AfterFunc(d, f)
	if c.onTimer != nil {
		c.onTimer(n)
	}
	return func() bool {
		if c.onStop != nil {
			c.onStop(n)
		}
		return stopped()
	}
}

// until returns an attempt that ignores its context and returns v and err once ends is
// closed.
func until(ends <-chan struct{}, v int, err error) func(context.Context) (int, error) {
	return func(context.Context) (int, error) {
		<-ends
		return v, err
	}
}

func TestACallThatIsDecidedJustBeforeItsCallerWaitsReturns(t *testing.T) {
	for _, fails := range []bool{false, true} {
		inBubble(t, func(t *testing.T) {
			first, extra := make(chan struct{}), make(chan struct{})
			clk := &stepped{Clock: fake.NewClock(), waits: func() { close(extra); synctest.Wait() }}
			h := hedge.New[int](hedge.Config{Delay: 10 * ms, MaxExtra: 2, Budget: hedge.NoBudget, Clock: clk})
			second, third := until(extra, 2, nil), func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
			if fails {
				second, third = until(extra, 0, errDown), until(extra, 0, errDown)
			}
			done := make(chan error, 1)
			go func() {
				_, err := h.Do(t.Context(), attempts{until(first, 0, errDown), second, third}.run)
				done <- err
			}()
			for range 2 {
				synctest.Wait()
				clk.Advance(10 * ms)
			}
			synctest.Wait()
			close(first)
			assert.Equal(t, fails, <-done != nil)
		})
	}
}

func TestASuccessJustBeforeTheCallerLeavesIsReturned(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		first, second := make(chan struct{}), make(chan struct{})
		clk := &stepped{Clock: fake.NewClock(), ended: func() { close(first); synctest.Wait() }}
		h := hedge.New[int](hedge.Config{Delay: 10 * ms, Abandon: true, Clock: clk})
		time.AfterFunc(ms, func() { clk.Advance(10 * ms) })
		time.AfterFunc(2*ms, cancel)
		v, err := h.Do(ctx, attempts{until(first, 1, nil), until(second, 2, nil)}.run)
		close(second)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
	})
}

func TestARefusedAttemptLeavesALaterTurnAlone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		first, second := make(chan struct{}), make(chan struct{})
		clk, reading := fake.NewClock(), &hooked{Clock: fake.NewClock()}
		budget := retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: 1./3600 + 1e-9, Window: time.Hour, Clock: reading})
		h := hedge.New[int](hedge.Config{Delay: 10 * ms, MaxExtra: 2, OnFailure: true, Budget: budget, Clock: clk})
		won := make(chan int, 1)
		go func() {
			v, err := h.Do(t.Context(), attempts{
				until(first, 0, retry.After(errDown, 15*ms)), until(second, 2, nil),
				func(context.Context) (int, error) { return 3, nil },
			}.run)
			assert.NoError(t, err)
			won <- v
		}()
		synctest.Wait()
		clk.Advance(10 * ms)
		synctest.Wait()
		// The first attempt fails, and asks for a later turn, while the second extra attempt
		// is refused.
		reading.hook.Store(new(func() { close(first); synctest.Wait() }))
		clk.Advance(10 * ms)
		budget.GiveBack()
		clk.Advance(15 * ms)
		synctest.Wait()
		close(second)
		assert.Equal(t, 3, <-won)
	})
}

func TestLosersAreCancelledBeforeTheCallReturns(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		first, extra, returned := make(chan struct{}), make(chan struct{}), make(chan struct{})
		clk := &stepped{Clock: fake.NewClock()}
		clk.onStop = func(n int) {
			if n == 3 { // the extra attempt has won, and has cancelled no other yet
				close(first)
				<-returned
			}
		}
		h := hedge.New[int](hedge.Config{Delay: 10 * ms, MaxExtra: 3, Budget: hedge.NoBudget, Clock: clk})
		var loser notes[context.Context]
		go func() {
			defer close(returned)
			v, err := h.Do(t.Context(), attempts{until(first, 1, nil), until(extra, 2, nil), func(ctx context.Context) (int, error) {
				loser.add(ctx)
				<-ctx.Done()
				return 0, ctx.Err()
			}}.run)
			assert.NoError(t, err)
			assert.Equal(t, 2, v)
			assert.Error(t, loser.get()[0].Err())
		}()
		for range 2 {
			synctest.Wait()
			clk.Advance(10 * ms)
		}
		synctest.Wait()
		close(extra)
		<-returned
	})
}

func TestAFailureStartsNoAttemptIfTheCallEndsDuringADiscard(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		first, returned := make(chan struct{}), make(chan struct{})
		var begun notes[int]
		h := hedge.New[int](hedge.Config{Delay: 10 * ms, MaxExtra: 3, OnFailure: true, Budget: hedge.NoBudget}).
			WithDiscard(func(v int) {
				if v == 2 {
					close(first)
					<-returned
				}
			})
		run := attempts{
			until(first, 1, nil), after(11*ms, 2, retry.Permanent(errDown)), after(5*ms, 0, errDown), after(ms, 0, errDown),
		}
		_, err := h.Do(t.Context(), func(ctx context.Context) (int, error) {
			begun.add(hedge.Attempt(ctx))
			return run.run(ctx)
		})
		close(returned)
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, []int{1, 2, 3}, begun.get())
	})
}

func TestATimerThatIsSetWhileTheCallEndsIsStopped(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		first, returned := make(chan struct{}), make(chan struct{})
		clk := &stepped{Clock: fake.NewClock()}
		clk.onTimer = func(n int) {
			if n == 2 {
				close(first)
				<-returned
			}
		}
		h := hedge.New[int](hedge.Config{Delay: 10 * ms, MaxExtra: 2, Budget: hedge.NoBudget, Clock: clk})
		go func() {
			defer close(returned)
			_, err := h.Do(t.Context(), attempts{until(first, 1, nil), after(time.Second, 2, nil)}.run)
			assert.NoError(t, err)
		}()
		synctest.Wait()
		clk.Advance(10 * ms)
		<-returned
		synctest.Wait()
		assert.Zero(t, clk.Waiters())
	})
}

func TestACallThatEndsWhileTheBudgetIsAskedLeavesNothingBehind(t *testing.T) {
	for name, budget := range map[string]retry.BudgetConfig{
		"granted": {Ratio: 1, MinPerSecond: 1}, "refused": {Ratio: 1e-9, MinPerSecond: retry.NoMinimum},
	} {
		inBubble(t, func(t *testing.T) {
			first, returned := make(chan struct{}), make(chan struct{})
			clk, reading := fake.NewClock(), &hooked{Clock: fake.NewClock()}
			budget.Clock = reading
			h := hedge.New[int](hedge.Config{Delay: 10 * ms, MaxExtra: 2, Budget: retry.NewBudget(budget), Clock: clk})
			caller := newParent(t.Context())
			go func() {
				defer close(returned)
				v, err := h.Do(caller, attempts{until(first, 1, nil)}.run)
				assert.NoError(t, err)
				assert.Equal(t, 1, v)
			}()
			synctest.Wait()
			reading.hook.Store(new(func() { close(first); <-returned }))
			clk.Advance(10 * ms)
			<-returned
			synctest.Wait()
			assert.Zero(t, clk.Waiters(), name)
			assert.Zero(t, caller.children.Load(), name)
		})
	}
}

func TestAResultThatWinsWithAnErrorIsNeitherKeptNorJudged(t *testing.T) {
	for _, abandon := range []bool{false, true} {
		h := hedge.New[int](hedge.Config{Delay: time.Hour, OnFailure: true, Abandon: abandon, HedgeIf: func(error) bool {
			t.Error("HedgeIf was called")
			return false
		}}).WithCondition(func(int, error) bool { return true }).WithKeep(func(context.Context, int, func()) int {
			t.Error("hold was called")
			return 0
		})
		v, err := h.Do(t.Context(), after(0, 3, errDown))
		assert.Equal(t, errDown, err)
		assert.Equal(t, 3, v)
	}
}

func TestAZeroValueWithoutAnErrorIsDiscarded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var discarded notes[int]
		h := hedge.New[int](hedge.Config{Delay: ms}).WithDiscard(discarded.add)
		v, err := h.Do(t.Context(), attempts{after(5*ms, 1, nil), deaf(time.Second, 0, nil)}.run)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		time.Sleep(time.Minute)
		assert.Equal(t, []int{0}, discarded.get())
	})
}
