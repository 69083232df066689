package throttle_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

func TestRejectionsCountAsRequests(t *testing.T) {
	th := filled(throttle.Config{Clock: fake.NewClock(), Rand: always}, 10, 0)
	for range 100 {
		_, err := throttle.Do(t.Context(), th, succeed)
		require.ErrorIs(t, err, throttle.ErrThrottled)
	}
	assert.EqualValues(t, 110, th.Snapshot().Requests)
	assert.Equal(t, 0.99, th.Snapshot().Rate)
}

// Slow calls are not failures for as long as they run.
func TestCallsInFlightAreNoRequests(t *testing.T) {
	th := throttle.NewThrottle(throttle.Config{MinCalls: 1, Clock: fake.NewClock(), Rand: always})
	permits := make([]throttle.Permit, 100)
	for i := range permits {
		var err error
		permits[i], err = th.Acquire(t.Context())
		require.NoError(t, err)
	}
	assert.Zero(t, th.Snapshot())
	for i := range permits {
		permits[i].Record(policy.Success)
	}
	assert.Equal(t, throttle.Snapshot{Requests: 100, Accepts: 100}, th.Snapshot())
}

// A call that lasts longer than a bucket, or than the whole window, counts once, as request
// and as accept, when it ends.
func TestARequestAndItsAcceptAreInTheSameBucket(t *testing.T) {
	for lasts := time.Duration(0); lasts <= 40*time.Second; lasts += time.Second {
		clk := fake.NewClock()
		th := throttle.NewThrottle(throttle.Config{K: 1, MinCalls: 1, Window: 20 * time.Second, Clock: clk, Rand: always})
		clk.Advance(1999 * time.Millisecond)
		p, err := th.Acquire(t.Context())
		require.NoError(t, err)
		clk.Advance(lasts)
		p.Record(policy.Success)
		for range 25 {
			s := th.Snapshot()
			require.Equal(t, s.Requests, s.Accepts, "a call of %v", lasts)
			_, err = th.Acquire(t.Context())
			require.NoError(t, err)
			clk.Advance(time.Second)
		}
		require.Zero(t, th.Snapshot())
	}
}

func TestAHundredCancelsRejectNothing(t *testing.T) {
	for name, end := range map[string]func(context.Context, error) error{
		"in its own words":     func(context.Context, error) error { return errors.New("rpc: canceled by client") },
		"as the context's end": func(ctx context.Context, _ error) error { return ctx.Err() },
	} {
		th := throttle.NewThrottle(throttle.Config{MinCalls: 1, Clock: fake.NewClock(), Rand: always})
		p := throttle.New[int](th)
		for range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			_, err := p.Do(ctx, func(ctx context.Context) (int, error) {
				cancel()
				return 0, end(ctx, errDown)
			})
			require.Error(t, err)
			require.NotErrorIs(t, err, throttle.ErrThrottled, name)
		}
		assert.Zero(t, th.Snapshot(), name)
		_, err := p.Do(t.Context(), succeed)
		assert.NoError(t, err, name)
	}
}

// A deadline, unlike a cancel, says that the dependency was too slow.
func TestACallersDeadlineIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := throttle.NewThrottle(throttle.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := throttle.Do(ctx, th, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, throttle.Snapshot{Requests: 1}, th.Snapshot())
	})
}

func TestTheWindowForgetsBucketByBucket(t *testing.T) {
	clk := fake.NewClock()
	th := throttle.NewThrottle(throttle.Config{Window: 10 * time.Second, Clock: clk, Rand: never})
	for range 10 {
		fill(th, policy.Normal, 3, 1)
		clk.Advance(time.Second)
	}
	for left := int64(9); left >= 0; left-- {
		s := th.Snapshot()
		assert.Equal(t, 4*left, s.Requests)
		assert.Equal(t, left, s.Accepts)
		clk.Advance(time.Second)
	}
}

// Accepts leave the window while failures of a later time stay.
func TestTheRateRisesWhenOldAcceptsAreForgotten(t *testing.T) {
	clk := fake.NewClock()
	th := throttle.NewThrottle(throttle.Config{Window: 10 * time.Second, Clock: clk, Rand: always})
	fill(th, policy.Normal, 0, 100)
	clk.Advance(5 * time.Second)
	fill(th, policy.Normal, 20, 0)
	_, err := th.Acquire(t.Context())
	require.NoError(t, err)
	clk.Advance(5 * time.Second)
	_, err = th.Acquire(t.Context())
	assert.ErrorIs(t, err, throttle.ErrThrottled)
}

// A look at the window that found nothing stands until a request fails, but not longer.
func TestAFailureAfterALongCalmIsNoticed(t *testing.T) {
	clk := fake.NewClock()
	th := throttle.NewThrottle(throttle.Config{K: 1, MinCalls: 1, Window: 10 * time.Second, Clock: clk, Rand: always})
	for range 5 {
		fill(th, policy.Normal, 1, 0)
		_, err := th.Acquire(t.Context())
		require.ErrorIs(t, err, throttle.ErrThrottled)
		clk.Advance(10 * time.Second)
		_, err = th.Acquire(t.Context())
		require.NoError(t, err)
		_, err = th.Acquire(t.Context())
		require.NoError(t, err)
	}
}

func TestAThrottleIsIdleIfItsWindowIsEmpty(t *testing.T) {
	clk := fake.NewClock()
	th := throttle.NewThrottle(throttle.Config{Window: 10 * time.Second, Clock: clk, Rand: always})
	assert.True(t, th.Idle(), "new")
	p, err := th.Acquire(t.Context())
	require.NoError(t, err)
	p.Record(policy.Ignored)
	assert.True(t, th.Idle(), "an ignored call leaves nothing")
	for _, counts := range [][2]int{{0, 1}, {1, 0}, {20, 0}} {
		fill(th, policy.Normal, counts[0], counts[1])
		assert.False(t, th.Idle())
		clk.Advance(9 * time.Second)
		assert.False(t, th.Idle())
		clk.Advance(time.Second)
		assert.True(t, th.Idle(), "the window has passed")
	}
}
