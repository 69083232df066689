package ratelimit_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/ratelimit"
)

// The call was served before a reservation whose time stays, and is in the line until that
// time. It took three tokens, more than the new burst.
func TestAServedCallCostsItsTokensAlsoAtASmallerBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := fake.NewClock()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 5, Clock: clk})
		require.True(t, l.Allow(5))
		first, err := l.Reserve(5, -1)
		require.NoError(t, err)
		second, err := l.Reserve(1, -1)
		require.NoError(t, err)
		served := false
		go func() {
			assert.NoError(t, l.Wait(t.Context(), 3))
			served = true
		}()
		synctest.Wait()
		first.Cancel()
		clk.Advance(5 * time.Second)
		synctest.Wait()
		require.True(t, served)
		require.Equal(t, time.Second, second.Delay())
		l.SetRate(1, time.Second, 2)
		assert.Equal(t, -2, l.Snapshot().Tokens)
		next, err := l.Reserve(1, -1)
		require.NoError(t, err)
		assert.Equal(t, 3*time.Second, next.Delay())
	})
}

// The bucket was full before the call came, so it is full at every later time, also at one
// before the call left.
func TestABucketIsFullAfterACallHasLeftAndTheClockIsSetBackALittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := newStaged()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 5, Clock: clk})
		l.Pause(time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { assert.ErrorIs(t, l.Wait(ctx, 1), context.Canceled) }()
		synctest.Wait()
		clk.set(10 * time.Second)
		cancel()
		synctest.Wait()
		clk.set(5 * time.Second)
		assert.Equal(t, 5, l.Snapshot().Tokens)
	})
}

// A first Cancel would find that the clock was set back, and restart the limiter.
func TestASecondCancelDoesNothingAlsoIfTheClockIsSetBack(t *testing.T) {
	clk := newStaged()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 5, Clock: clk})
	clk.set(10 * time.Second)
	require.True(t, l.Allow(3))
	r, err := l.Reserve(5, -1)
	require.NoError(t, err)
	r.Cancel()
	require.Equal(t, 2, l.Snapshot().Tokens)
	clk.set(9 * time.Second)
	r.Cancel()
	assert.Equal(t, 1, l.Snapshot().Tokens)
	assert.True(t, l.Allow(1))
	assert.False(t, l.Allow(1))
}

// The debt of the reservation is bounded, and its time is not. When it has left the line, a
// pause of a nanosecond must not move the bucket to that time.
func TestADebtStaysBoundedAfterItsReservationIsDue(t *testing.T) {
	clk := newStaged()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: year, Burst: 2, Clock: clk})
	require.True(t, l.Allow(2))
	r, err := l.Reserve(1, -1)
	require.NoError(t, err)
	l.SetRate(1, 2*year, 1)
	require.Equal(t, 4*year, r.Delay())
	clk.set(4 * year)
	require.Zero(t, r.Delay())
	_, err = l.Reserve(1, 0)
	var refused *ratelimit.ExceededError
	require.ErrorAs(t, err, &refused)
	before := refused.RetryAfter()
	require.Less(t, before, year)
	l.Pause(1)
	assert.Equal(t, before, refused.RetryAfter())
}

func TestTokensOfAPauseAreCountedFromNowOnceItsReservationIsCancelled(t *testing.T) {
	clk := newStaged()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 5, Clock: clk})
	require.True(t, l.Allow(5))
	l.Pause(time.Hour)
	r, err := l.Reserve(1, -1)
	require.NoError(t, err)
	require.Equal(t, 4, l.Snapshot().Tokens, "at the end of the pause")
	r.Cancel()
	clk.set(2 * time.Second)
	assert.Equal(t, 2, l.Snapshot().Tokens)
}
