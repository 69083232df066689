package ratelimit_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
)

// The last entry has left the line. Its promise does not explain any more why the bucket is
// further from full than it can be: the clock was set back.
func TestAPromiseThatHasEndedDoesNotHideThatTheClockWasSetBack(t *testing.T) {
	for name, promise := range map[string]func(t *testing.T, l *ratelimit.Limiter, clk *staged){
		"to a reservation that is due": func(t *testing.T, l *ratelimit.Limiter, clk *staged) {
			r, err := l.Reserve(1, -1)
			require.NoError(t, err)
			clk.Advance(time.Second)
			l.SetRate(1, 0, 1) // looks only
			require.Zero(t, r.Delay())
		},
		"to a call that was served": func(t *testing.T, l *ratelimit.Limiter, clk *staged) {
			w := queued(t, l, 1)
			clk.Advance(time.Second)
			require.Equal(t, []int{0}, w.sofar())
		},
		"to a reservation that was cancelled": func(t *testing.T, l *ratelimit.Limiter, _ *staged) {
			r, err := l.Reserve(1, -1)
			require.NoError(t, err)
			r.Cancel()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clk := newStaged()
				l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Clock: clk})
				clk.set(2 * time.Hour)
				require.True(t, l.Allow(1))
				promise(t, l, clk)
				require.False(t, l.Allow(1))
				clk.set(2*time.Hour - time.Second)
				assert.Equal(t, 1, few(l))
			})
		})
	}
}

// Time passes, and a call takes a token beside the line, whose waiter is still asleep. The
// tokens that the waiter returns have flowed over meanwhile.
func TestTokensThatAreReturnedAfterTheBucketWasFullAreLost(t *testing.T) {
	for _, pause := range []time.Duration{0, 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			clk := newStaged()
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 3, Clock: clk})
			if pause == 0 {
				require.Equal(t, 3, few(l))
			}
			l.Pause(pause)
			w := queued(t, l, 1)
			clk.set(20 * time.Second) // wakes no sleeper
			require.True(t, l.Allow(1))
			w.cancels[0]()
			assert.Empty(t, w.sofar())
			assert.Equal(t, 2, l.Snapshot().Tokens)
			assert.Equal(t, 2, few(l))
		})
	}
}

// The bucket needs 2.5 s until it is full when a call takes a token beside the line, and
// a waiter leaves that would have had its tokens half a second ago.
func TestTokensThatAreReturnedWhileTheBucketFillsAreLostInPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := newStaged()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 4, Clock: clk})
		require.Equal(t, 4, few(l))
		ctx := t.Context()
		var first, second error
		policy.Go(clk, func() { first = l.Wait(ctx, 3) })
		synctest.Wait()
		left, leave := clk.WithTimeout(ctx, time.Hour)
		policy.Go(clk, func() { second = l.Wait(left, 3) })
		synctest.Wait()
		clk.set(9500 * time.Millisecond) // wakes no sleeper
		require.True(t, l.Allow(3))      // full at 13 s
		leave()
		synctest.Wait()
		require.Error(t, second)
		// The line would have ended at 10 s. Without its last three tokens it was full at
		// 7 s, so half a token of them is not lost.
		assert.Equal(t, 1, l.Snapshot().Tokens)
		assert.Equal(t, 1, few(l))
		clk.Advance(500 * time.Millisecond)
		synctest.Wait()
		require.NoError(t, first)
	})
}

// A token costs a sixteenth of a nanosecond, the smallest unit.
func TestTheSmallestTimeIsReturned(t *testing.T) {
	const rate = 1_600_000_000 // in 100 ms
	t.Run("to the bucket", func(t *testing.T) {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: rate, Per: 100 * time.Millisecond, Burst: 2, Clock: fake.NewClock()})
		require.True(t, l.Allow(2))
		r, err := l.Reserve(1, -1)
		require.NoError(t, err)
		require.Equal(t, -1, l.Snapshot().Tokens)
		r.Cancel()
		assert.Zero(t, l.Snapshot().Tokens)
	})
	t.Run("to a call behind a reservation", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			clk := fake.NewClock()
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: rate, Per: 100 * time.Millisecond, Burst: 100, Clock: clk})
			require.True(t, l.Allow(100))
			var before []ratelimit.Reservation
			for range 32 {
				r, err := l.Reserve(1, -1)
				require.NoError(t, err)
				before = append(before, r)
			}
			_, err := l.Reserve(1, -1)
			require.NoError(t, err)
			served := false
			policy.Go(clk, func() { served = l.Wait(t.Context(), 100) == nil })
			synctest.Wait()
			for _, r := range before {
				r.Cancel()
			}
			synctest.Wait() // the call sleeps for the new time
			clk.Advance(6)
			synctest.Wait()
			assert.False(t, served)
			clk.Advance(1)
			synctest.Wait()
			assert.True(t, served, "after 101 sixteenths of a nanosecond, not 133")
		})
	})
}

// touchy is a clock whose waiters panic when they are woken.
type touchy struct {
	*staged
	broken bool
}

type touchyWaiter struct {
	policy.Waiter
	clock *touchy
}

func (b *touchy) NewWaiter() policy.Waiter { return touchyWaiter{policy.NewWaiter(b.staged), b} }

func (w touchyWaiter) Wake() {
	w.Waiter.Wake()
	if w.clock.broken {
		panic("woken")
	}
}

// The call is served ahead of a reservation, and wakes the one behind it.
func TestAServedCallWhoseClockPanicsKeepsItsTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := &touchy{staged: newStaged()}
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 3, Clock: clk})
		require.Equal(t, 3, few(l))
		last := lastOfFour(t, l)
		var v any
		go func() {
			defer func() { v = recover() }()
			_ = l.Wait(t.Context(), 1)
		}()
		synctest.Wait()
		w := queued(t, l, 1)
		clk.broken = true
		clk.Advance(3 * time.Second)
		synctest.Wait()
		clk.broken = false
		require.Equal(t, "woken", v)
		require.Empty(t, w.sofar())
		require.Positive(t, last.Delay())
		assert.Equal(t, -1, l.Snapshot().Tokens)
		clk.Advance(time.Second - 1)
		assert.Empty(t, w.sofar())
		clk.Advance(1)
		assert.Equal(t, []int{0}, w.sofar())
	})
}

// SetRate lets neither of two calls wait on, and its clock panics as it wakes them.
func TestAllCallsThatAreRefusedReturnAlthoughTheirClockPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := &touchy{staged: newStaged()}
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 2, Clock: clk})
		require.True(t, l.Allow(2))
		errs := make(chan error, 3)
		for range 3 {
			go func() { errs <- l.Wait(t.Context(), 2) }()
		}
		synctest.Wait()
		clk.broken = true
		assert.PanicsWithValue(t, "woken", func() { l.SetRate(1, 0, 1) })
		synctest.Wait()
		require.Len(t, errs, 3)
		for range 3 {
			assert.ErrorIs(t, <-errs, ratelimit.ErrCost)
		}
	})
}
