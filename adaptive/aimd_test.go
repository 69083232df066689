package adaptive_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// aimdRig aims at 50 ms.
func aimdRig(t testing.TB, initial int) *rig {
	return newRig(t, adaptive.Config{Initial: initial, Target: 50 * ms})
}

func TestALimitThatWasReachedGrowsByOneWithinTheTarget(t *testing.T) {
	r := aimdRig(t, 10)
	for want := 11; want < 15; want++ {
		r.wave(r.Limit(), 50*ms) // at the target is not over it
		assert.Equal(t, want, r.Limit())
	}
}

func TestALimitLosesATenthOverTheTarget(t *testing.T) {
	r := aimdRig(t, 29)
	for _, want := range []int{26, 23, 20, 18, 16, 14, 12, 10} {
		r.wave(r.Limit(), 51*ms)
		assert.Equal(t, want, r.Limit(), "a tenth less, rounded down")
	}
}

func TestALimitStaysWithinMinAndMax(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 10, Min: 10, Max: 11, Target: 50 * ms})
	r.wave(10, 60*ms)
	assert.Equal(t, 10, r.Limit())
	for range 3 {
		r.wave(r.Limit(), 40*ms)
		assert.Equal(t, 11, r.Limit())
	}
}

func TestALimitThatWasNotReachedDoesNotGrow(t *testing.T) {
	r := aimdRig(t, 20)
	for range 10 {
		r.wave(19, 20*ms)
	}
	assert.Equal(t, 20, r.Limit())
	permits := r.take(20)
	_, err := r.Acquire(t.Context())
	require.ErrorIs(t, err, adaptive.ErrLimited)
	r.clk.Advance(20 * ms)
	recordAll(permits, policy.Success)
	assert.Equal(t, 21, r.Limit())
}

func TestARefusedCallShowsThatTheLimitWasReached(t *testing.T) {
	r := aimdRig(t, 10)
	permits := r.take(10)
	r.clk.Advance(20 * ms)
	recordAll(permits[:9], policy.Ignored)
	assert.Equal(t, 10, r.Limit())
	permits[9].Record(policy.Success)
	r.wave(9, 20*ms)
	assert.Equal(t, 11, r.Limit(), "the window began when all places were in use")
}

func TestTheQuantileIsComparedWithTheTarget(t *testing.T) {
	for _, c := range []struct {
		quantile float64
		slow     int
		want     int
	}{{0.9, 1, 11}, {0.9, 2, 9}, {0.5, 5, 11}, {0.5, 6, 9}, {0.7, 3, 11}, {0.7, 4, 9}, {1, 0, 11}, {1, 1, 9}} {
		r := newRig(t, adaptive.Config{Initial: 10, Target: 50 * ms, Quantile: c.quantile})
		permits := r.take(10)
		r.clk.Advance(50 * ms)
		recordAll(permits[:10-c.slow], policy.Success)
		r.clk.Advance(1)
		recordAll(permits[10-c.slow:], policy.Success)
		assert.Equal(t, c.want, r.Limit(), "quantile %v with %d of 10 over", c.quantile, c.slow)
	}
}

func TestAWindowLastsItsTimeAndItsCalls(t *testing.T) {
	r := aimdRig(t, 10)
	permits := r.take(10)
	recordAll(permits[:9], policy.Success)
	r.clk.Advance(10*ms - 1)
	permits[9].Record(policy.Success)
	assert.Equal(t, 10, r.Limit(), "10 calls in less than 10 ms")
	r.clk.Advance(1)
	r.take(1)[0].Record(policy.Success)
	assert.Equal(t, 11, r.Limit())
}

func TestTheLimitMovesOnceAWindow(t *testing.T) {
	r := aimdRig(t, 20)
	permits := r.take(20)
	r.clk.Advance(60 * ms)
	recordAll(permits, policy.Success)
	assert.Equal(t, 18, r.Limit(), "the other 10 calls began under the old limit")
}

func TestCallsBegunUnderAnOlderLimitAreNoSamples(t *testing.T) {
	r := aimdRig(t, 20)
	old := r.take(10)
	r.wave(10, 60*ms)
	require.Equal(t, 18, r.Limit())
	r.clk.Advance(time.Minute)
	recordAll(old, policy.Success)
	assert.Equal(t, 18, r.Limit())
	r.wave(18, 40*ms)
	assert.Equal(t, 19, r.Limit())
}

// A failure by deadline is a sign of overload, in whatever words; other failures are not.
func TestOneDeadlineLowersTheLimit(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"none":                        {errDown, 11},
		"a deadline":                  {fmt.Errorf("query: %w", context.DeadlineExceeded), 9},
		"a socket's deadline":         {os.ErrDeadlineExceeded, 9},
		"a deadline that is no fault": {breaker.Judge(context.DeadlineExceeded, policy.Ignored), 11},
		"a rejection inside":          {fmt.Errorf("pool: %w", policy.ErrRejected), 9},
		"a rejection that is ignored": {breaker.Judge(policy.ErrRejected, policy.Ignored), 11},
	} {
		r := aimdRig(t, 10)
		permits := r.take(9)
		assert.Error(t, r.call(t.Context(), 20*ms, c.err))
		recordAll(permits, policy.Success)
		r.wave(1, 0)
		assert.Equal(t, c.want, r.Limit(), name)
	}
}

func TestAFailureAfterTheCallsDeadlineIsOneByDeadline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := adaptive.NewLimiter(adaptive.Config{Initial: 10, Target: time.Minute, MinCalls: 1, Window: ms})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := adaptive.Do(ctx, l, func(context.Context) (int, error) {
			time.Sleep(2 * time.Second)
			return 0, errDown
		})
		require.Equal(t, errDown, err)
		assert.Equal(t, 9, l.Limit())
	})
}

func TestAllCallsFailingByDeadlineLowerTheLimit(t *testing.T) {
	r := aimdRig(t, 10)
	for range 10 {
		require.Error(t, r.call(t.Context(), 2*ms, context.DeadlineExceeded))
	}
	assert.Equal(t, 9, r.Limit(), "they count towards MinCalls")
}

func TestRejectionsInsideCountTowardsMinCalls(t *testing.T) {
	r := aimdRig(t, 10)
	for range 10 {
		require.Error(t, r.call(t.Context(), 2*ms, policy.ErrRejected))
	}
	assert.Equal(t, 9, r.Limit())
	assert.False(t, r.Snapshot().Pinned)
}

func TestALimitAtMinAndOverTheTargetIsPinned(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 10, Min: 9, Target: 50 * ms})
	r.wave(10, 60*ms)
	require.Equal(t, 9, r.Limit())
	assert.False(t, r.Snapshot().Pinned, "it may get better at 9")
	r.wave(9, 60*ms)
	r.wave(9, 60*ms)
	require.Equal(t, 9, r.Limit())
	assert.True(t, r.Snapshot().Pinned)
	r.wave(9, 40*ms)
	r.wave(9, 40*ms)
	assert.False(t, r.Snapshot().Pinned)
	assert.Greater(t, r.Limit(), 9)
}

func TestALimitAboveANewMinIsNotPinned(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 9, Min: 9, Target: 50 * ms})
	r.wave(9, 60*ms)
	r.wave(9, 60*ms)
	require.True(t, r.Snapshot().Pinned)
	cfg := r.Config()
	cfg.Max = 500
	require.NoError(t, r.Reconfigure(cfg))
	assert.True(t, r.Snapshot().Pinned, "it is at Min still")
	cfg.Min = 2
	require.NoError(t, r.Reconfigure(cfg))
	assert.Equal(t, 9, r.Limit())
	assert.False(t, r.Snapshot().Pinned)
}

func TestTheLargestLimitLosesATenth(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: math.MaxInt32, Target: 20 * ms})
	r.wave(10, 21*ms)
	assert.Equal(t, 1932735282, r.Limit())
}
