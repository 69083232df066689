package adaptive_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/policy"
)

// limits runs waves that fill the limit, and returns the limits after each window. took
// returns how long a wave takes at a limit.
func (r *rig) limits(n int, took func(limit int) time.Duration) (all []int) {
	r.t.Helper()
	for range n {
		before := r.Limit()
		for r.Limit() == before {
			r.wave(r.Limit(), took(r.Limit()))
		}
		all = append(all, r.Limit())
	}
	return all
}

func TestProbesAlternateAboveAndBelowTheInitialLimit(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 20})
	require.Equal(t, 20, r.Limit(), "the first window runs at Initial")
	flat := func(limit int) time.Duration { return time.Duration(limit) * ms } // throughput is constant
	assert.Equal(t, []int{22, 18, 22, 18}, r.limits(4, flat))
}

func TestAProbeIsATenthMoreOrLess(t *testing.T) {
	for _, limit := range []int{10, 50, 90, 100, 110, 170, 1000} {
		r := newRig(t, adaptive.Config{Initial: limit, Max: 2000})
		flat := func(limit int) time.Duration { return time.Duration(limit) * ms }
		assert.Equal(t, []int{limit / 10 * 11, limit / 10 * 9}, r.limits(2, flat))
	}
}

// A service that pauses in step with the rounds would always pause on the same side.
func TestTheFirstProbeOfARoundChangesSides(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 1})
	r.wave(1, 20*ms)
	for round, first := range []int{2, 1, 1, 2, 1, 2, 2, 1} { // the Thue-Morse sequence
		for window := range 4 {
			want := first
			if window%2 == 1 {
				want = 3 - first
			}
			require.Equal(t, want, r.Limit(), "round %d, window %d", round, window)
			r.wave(r.Limit(), time.Duration(r.Limit())*20*ms) // two at a time take twice as long
		}
	}
}

func TestAClimberGrowsWhileThroughputGrows(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 20})
	constant := func(int) time.Duration { return 20 * ms }
	got := r.limits(21, constant)
	assert.Equal(t, []int{22, 18, 22, 18, 21}, got[:5], "a step of 22 %, and a probe below it")
	assert.Greater(t, got[20], 50)
}

func TestAClimberShrinksWhereMoreCallsOnlyQueue(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 50})
	queueing := func(limit int) time.Duration { return time.Duration(limit) * 10 * ms } // one worker
	got := r.limits(41, queueing)
	assert.Less(t, got[40], 10)
}

func TestAClimberStaysWithinMinAndMax(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 10, Min: 9, Max: 11})
	for _, limit := range r.limits(20, func(int) time.Duration { return 20 * ms }) {
		assert.True(t, limit == 9 || limit == 11, "%d", limit)
	}
	fixed := newRig(t, adaptive.Config{Initial: 10, Min: 10, Max: 10})
	for range 20 {
		fixed.wave(10, 20*ms)
	}
	assert.Equal(t, 10, fixed.Limit())
}

func TestAClimberOfOneTriesTwo(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 1})
	got := r.limits(20, func(limit int) time.Duration { return time.Duration(limit) * 20 * ms })
	assert.Equal(t, []int{2, 1, 2, 1}, got[:4])
	assert.Equal(t, 1, got[19], "two at a time take twice as long")
}

// A service that fails in 1 ms under load is not a fast one.
func TestFastFailuresDoNotRaiseTheLimit(t *testing.T) {
	for name, target := range map[string]time.Duration{"climb": 0, "aimd": 50 * ms} {
		r := newRig(t, adaptive.Config{Initial: 20, Target: target})
		for range 100 {
			held := r.take(19)
			require.ErrorIs(t, r.call(t.Context(), ms, errDown), errDown)
			recordAll(held, policy.Failure)
		}
		assert.Equal(t, 20, r.Limit(), name)
	}
}

func TestAllCallsFailingByDeadlineLowerAClimbersLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := adaptive.NewLimiter(adaptive.Config{Initial: 20, MinCalls: 10, Window: ms})
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), 50*ms)
			held := make([]adaptive.Permit, l.Limit())
			for i := range held {
				var err error
				held[i], err = l.Acquire(ctx)
				require.NoError(t, err)
			}
			<-ctx.Done()
			for i := range held {
				held[i].Record(policy.Failure)
			}
			cancel()
		}
		assert.Less(t, l.Limit(), 5)
	})
}

func TestAnIdleHourLeavesTheLimitAlone(t *testing.T) {
	for name, target := range map[string]time.Duration{"climb": 0, "aimd": 50 * ms} {
		r := newRig(t, adaptive.Config{Initial: 20, Target: target})
		r.wave(20, 20*ms)
		r.wave(r.Limit(), 20*ms)
		limit := r.Limit()
		for range 60 {
			r.clk.Advance(time.Minute)
			r.wave(limit/4, 20*ms) // a few calls a minute
		}
		assert.Equal(t, limit, r.Limit(), name)
	}
}

// A window that reached the limit and then was idle for an hour has no throughput to
// compare with.
func TestAWindowWithAnIdleHourInItDoesNotCount(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 20})
	r.wave(20, 20*ms) // to 22; ten calls of the old limit are in flight and end
	require.Equal(t, 22, r.Limit())
	held := r.take(22)
	r.clk.Advance(20 * ms)
	recordAll(held[:9], policy.Success)
	recordAll(held[9:], policy.Ignored)
	r.clk.Advance(time.Hour)
	r.wave(1, 20*ms)
	assert.Equal(t, 22, r.Limit())
}

// Rows that are read for an hour hold their places, and are in use.
func TestKeptPlacesCountAsInUse(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 20})
	keep := adaptive.New[int](r.Limiter).WithKeep(func(_ context.Context, v int, _ func()) int { return v })
	for range 12 {
		_, err := keep.Do(t.Context(), one)
		require.NoError(t, err)
	}
	require.Equal(t, 20, r.Limit())
	for range 3 {
		r.wave(8, 20*ms)
	}
	assert.Equal(t, 22, r.Limit())
}

// Calls that never end must not keep a window from beginning.
func TestAWindowBeginsThoughCallsOfTheOldLimitNeverEnd(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 20})
	r.take(5)
	r.wave(15, 20*ms)
	r.wave(15, 20*ms)
	require.Equal(t, 22, r.Limit())
	for range 3 { // a round before the window, and a round in it
		require.Equal(t, 22, r.Limit())
		r.wave(17, 20*ms)
	}
	assert.Equal(t, 18, r.Limit())
}

func TestAClockSetBackDelaysTheWindowButDoesNotStopIt(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 20})
	r.wave(9, 20*ms)
	held := r.take(20)
	r.clk.Set(r.clk.Now().Add(-time.Hour))
	recordAll(held, policy.Success)
	for range 2 {
		r.wave(20, 20*ms)
	}
	assert.Equal(t, 22, r.Limit())
}

// The probe above a limit that was learned may be the initial limit.
func TestALimiterThatHasLearnedIsNotIdleAtAProbe(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 4})
	require.True(t, r.Idle())
	all := r.limits(6, func(limit int) time.Duration { return time.Duration(limit) * 10 * ms })
	require.Equal(t, []int{5, 3, 5, 3}, all[:4])
	require.Contains(t, all[4:], 4)
	for r.Limit() != 4 {
		r.limits(1, func(limit int) time.Duration { return time.Duration(limit) * 10 * ms })
	}
	require.False(t, r.Idle())
}
