package bench_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
)

var xtimeRows = map[string]func(*testing.T){
	"`rate.NewLimiter(rate.Limit(n), s)`": bubble(func(t *testing.T) {
		const n, s = 10, 5
		theirs := rate.NewLimiter(rate.Limit(n), s)
		limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: n, Burst: s})
		for _, gap := range []time.Duration{0, 150, 150, 350, 1050, 250, 50} {
			time.Sleep(gap * time.Millisecond)
			assert.Equal(t, admitted(20, theirs.Allow), admitted(20, func() bool { return limiter.Allow(1) }), "after %d ms", gap)
		}
	}),
	"`rate.Every(d)`": bubble(func(t *testing.T) {
		const d = 3 * time.Second
		theirs := rate.NewLimiter(rate.Every(d), 1)
		limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: d})
		for range 10 {
			assert.Equal(t, theirs.Allow(), limiter.Allow(1))
			time.Sleep(time.Second)
		}
	}),
	"`rate.Inf`": func(t *testing.T) {
		assert.Equal(t, 1000, admitted(1000, rate.NewLimiter(rate.Inf, 0).Allow))
		assert.ErrorContains(t, ratelimit.Config{}.Validate(), "Config.Limit is 0")
	},
	"`Allow()`, `AllowN(now, n)`": bubble(func(t *testing.T) {
		const n = 2
		now := time.Now()
		theirs, limiter := rate.NewLimiter(1, 3), ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 3})
		assert.True(t, theirs.Allow())
		assert.True(t, theirs.AllowN(now, n))
		assert.False(t, theirs.Allow())
		assert.True(t, limiter.Allow(1))
		assert.True(t, limiter.Allow(n))
		assert.False(t, limiter.Allow(1))
	}),
	"`Wait(ctx)`, `WaitN(ctx, n)`": bubble(func(t *testing.T) {
		const n = 1
		theirs, limiter := rate.NewLimiter(1, 1), ratelimit.NewLimiter(ratelimit.Config{Limit: 1})
		require.NoError(t, theirs.Wait(t.Context()))
		require.NoError(t, limiter.Wait(t.Context(), 1))
		their := afterTheFirstLeaves(t, func(ctx context.Context) error { return theirs.WaitN(ctx, n) })
		own := afterTheFirstLeaves(t, func(ctx context.Context) error { return limiter.Wait(ctx, n) })
		assert.Equal(t, 2*time.Second, their)
		assert.Equal(t, time.Second, own)
	}),
	"`Wait(ctx)`, whose deadline is too early": bubble(func(t *testing.T) {
		theirs, limiter := rate.NewLimiter(1, 1), ratelimit.NewLimiter(ratelimit.Config{Limit: 1})
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		require.NoError(t, theirs.Wait(ctx))
		require.NoError(t, limiter.Wait(ctx, 1))
		begun := time.Now()
		require.Error(t, theirs.Wait(ctx))
		err := limiter.Wait(ctx, 1)
		assert.Zero(t, time.Since(begun))
		require.ErrorIs(t, err, ratelimit.ErrExceeded)
		require.ErrorIs(t, err, policy.ErrRejected)
	}),
	"`Reserve()`, its `OK()`, `Delay()` and `Cancel()`": bubble(func(t *testing.T) {
		theirs, limiter := rate.NewLimiter(1, 1), ratelimit.NewLimiter(ratelimit.Config{Limit: 1})
		require.True(t, theirs.Allow())
		require.True(t, limiter.Allow(1))
		r := theirs.Reserve()
		require.True(t, r.OK())
		own, err := limiter.Reserve(1, -1)
		require.NoError(t, err)
		assert.Equal(t, time.Second, r.Delay())
		assert.Equal(t, time.Second, own.Delay())
		r.Cancel()
		own.Cancel()
		assert.Equal(t, time.Second, theirs.Reserve().Delay())
		own, err = limiter.Reserve(1, -1)
		require.NoError(t, err)
		assert.Equal(t, time.Second, own.Delay())
		assert.False(t, theirs.ReserveN(time.Now(), 2).OK())
		_, err = limiter.Reserve(2, -1)
		require.ErrorIs(t, err, ratelimit.ErrCost)
	}),
	"`SetLimit`, `SetBurst`": bubble(func(t *testing.T) {
		const n, d, s = 1, time.Second, 1
		theirs, limiter := rate.NewLimiter(rate.Every(time.Minute), 1), ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Minute})
		require.True(t, theirs.Allow())
		require.True(t, limiter.Allow(1))
		their := afterAChange(t, theirs.Wait, func() { theirs.SetLimit(n); theirs.SetBurst(s) })
		own := afterAChange(t, func(ctx context.Context) error { return limiter.Wait(ctx, 1) }, func() { limiter.SetRate(n, d, s) })
		assert.Equal(t, time.Minute, their)
		assert.Less(t, own, 2*time.Second)
	}),
	"`Tokens()`": func(t *testing.T) {
		assert.EqualValues(t, 5, rate.NewLimiter(1, 5).Tokens())
		limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 5})
		assert.Equal(t, 5, limiter.Snapshot().Tokens)
	},
}

// afterTheFirstLeaves has two calls wait, one behind the other, and the first give up at
// once. It returns how long the second waited.
func afterTheFirstLeaves(t *testing.T, wait func(context.Context) error) (took time.Duration) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan time.Duration, 1)
	go func() { _ = wait(ctx) }()
	synctest.Wait()
	begun := time.Now()
	go func() {
		assert.NoError(t, wait(context.Background()))
		done <- time.Since(begun)
	}()
	synctest.Wait()
	leave()
	return <-done
}

// afterAChange returns how long a call waits during whose wait the rate is changed.
func afterAChange(t *testing.T, wait func(context.Context) error, change func()) time.Duration {
	t.Helper()
	done := make(chan time.Duration, 1)
	begun := time.Now()
	go func() {
		assert.NoError(t, wait(context.Background()))
		done <- time.Since(begun)
	}()
	synctest.Wait()
	change()
	return <-done
}
