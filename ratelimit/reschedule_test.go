package ratelimit_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
)

func TestAWaitingCallThatCostsMoreThanTheNewBurstIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cost := 2
		cfg := ratelimit.Config{Name: "api", Limit: 1, Burst: 3, MaxWait: -1, Cost: func(context.Context) int { return cost }}
		l := ratelimit.NewLimiter(cfg)
		require.True(t, l.Allow(3))
		two := waitFor(t, l, 1)
		cost = 3
		three := waitFor(t, l, 1)
		l.SetRate(1, 0, 2)
		rejected := three(policy.Rejected)
		require.Len(t, rejected, 1)
		assert.Equal(t, "cost", rejected[0].Reason)
		require.ErrorIs(t, rejected[0].Err, ratelimit.ErrCost)
		assert.EqualError(t, rejected[0].Err, `ratelimit: cost is 3, want at most Burst of "api", 2: raise Burst or ask for less`)
		assert.Equal(t, 1, l.Snapshot().Waiting, "the other one costs just the new burst")
		assert.EqualValues(t, 1, l.Snapshot().Rejected)
		time.Sleep(3 * time.Second)
		assert.Len(t, two(policy.Waited), 1)
		assert.EqualValues(t, 2, l.Snapshot().Admitted)
	})
}

func TestAPauseUntilJustTheBoundOfAWaitDoesNotRefuseIt(t *testing.T) {
	for pause, want := range map[time.Duration]policy.EventKind{5 * time.Second: policy.Waited, 5*time.Second + 1: policy.Rejected} {
		synctest.Test(t, func(t *testing.T) {
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: ratelimit.NoBurst, MaxWait: 5 * time.Second})
			require.True(t, l.Allow(1))
			events := waitFor(t, l, 1)
			l.Pause(pause)
			time.Sleep(5 * time.Second)
			assert.Len(t, events(want), 1, "paused for %v", pause)
			assert.Zero(t, l.Snapshot().Waiting)
		})
	}
}

// A sleep takes whole nanoseconds, so a call that is due in the last one before its deadline
// would wait until the deadline, in vain.
func TestACallThatANewRateMovesIntoTheLastNanosecondBeforeItsDeadlineIsRefused(t *testing.T) {
	for per, refused := range map[time.Duration]bool{144: false, 145: true, 159: true} { // a token takes per/16
		synctest.Test(t, func(t *testing.T) {
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 16, Per: 16, Burst: ratelimit.NoBurst})
			require.True(t, l.Allow(1))
			ctx, cancel := context.WithTimeout(t.Context(), 10)
			defer cancel()
			errs := make(chan error, 1)
			go func() { errs <- l.Wait(ctx, 1) }()
			synctest.Wait()
			l.SetRate(16, per, ratelimit.NoBurst)
			synctest.Wait()
			assert.Equal(t, refused, len(errs) == 1, "a token takes %v/16", per)
			if err := <-errs; refused {
				require.ErrorIs(t, err, ratelimit.ErrExceeded)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

// Calls that a pause refuses take their promised tokens with them, and the tokens that
// accrue in the pause are counted from its begin.
func TestTokensAccrueInAPauseThatHasRefusedAllWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 4, MaxWait: 3 * time.Second})
		require.True(t, l.Allow(4))
		events := waitFor(t, l, 3)
		l.Pause(time.Hour)
		require.Len(t, events(policy.Rejected), 3)
		for seconds := range 4 {
			assert.Equal(t, seconds, l.Snapshot().Tokens)
			time.Sleep(time.Second)
		}
		assert.Equal(t, 4, l.Snapshot().Tokens)
		assert.False(t, l.Idle(), "it is paused")
		time.Sleep(time.Hour - 4*time.Second)
		assert.True(t, l.Idle())
	})
}

func TestALimiterIsNotIdleWhileACallIsInItsLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := newStaged()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, MaxWait: -1, Clock: clk})
		require.True(t, l.Idle())
		require.True(t, l.Allow(1))
		events := waitFor(t, l, 1)
		for _, d := range []time.Duration{0, 1, time.Second, 2*time.Second - 1, 2 * time.Second, time.Hour} {
			clk.set(d) // wakes no sleeper
			assert.False(t, l.Idle(), "after %v", d)
		}
		clk.Advance(time.Second)
		require.Len(t, events(policy.Waited), 1)
		assert.True(t, l.Idle())
	})
}

// The debt is bounded again when a pause moves a line whose end is before the debt of
// calls that have passed it.
func TestADebtIsBoundedWhenAPauseMovesIt(t *testing.T) {
	for _, cost := range []int64{1<<44 - 1, 1<<44 - 2} { // the remainder shows in the rounding
		clk := fake.NewClock()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 16, Per: 1, Burst: 1 << 20, Clock: clk})
		require.True(t, l.Allow(1<<20))
		first, err := l.Reserve(1<<20, -1)
		require.NoError(t, err)
		_, err = l.Reserve(1, -1)
		require.NoError(t, err)
		first.Cancel()
		clk.Advance(1<<16 - 1)
		require.True(t, l.Allow(1<<20-32), "the last one is not due yet, and the bucket is full")
		l.SetRate(16, time.Duration(cost), 2)
		l.Pause(year)
		refusedFor(t, wait(t, l), time.Duration((1<<61-1-cost+15)/16))
	}
}

func TestACallThatIsHeldUpUsesTheNewRate(t *testing.T) {
	clk := newStaged()
	var l *ratelimit.Limiter
	during := func(limit, burst int) {
		clk.readings = []reading{{then: func() { l.SetRate(limit, 0, burst) }}}
	}
	l = ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 2, Clock: clk})
	require.True(t, l.Allow(1))
	during(10, 4)
	assert.True(t, l.Allow(1))
	assert.Equal(t, 2, l.Snapshot().Tokens)
	during(10, 2)
	assert.False(t, l.Allow(3), "it asks for more than the new burst")
	during(10, 5)
	assert.True(t, l.Allow(3), "the new burst is enough")
	clk.Advance(time.Minute)
	during(10, 6)
	assert.True(t, l.Allow(6), "the new burst is just enough")
	_, err := l.Reserve(2, 0)
	refusedFor(t, err, 200*time.Millisecond)
	during(1, 6)
	refusedFor(t, err, 2*time.Second)
}
