package bench_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	failsafebulkhead "github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/ratelimiter"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
)

var failsafeBulkheadRows = map[string]func(*testing.T){
	"`bulkhead.New[T](n)`": func(t *testing.T) {
		const n = 2
		theirs := failsafebulkhead.New[T](n)
		ours := bulkhead.New[T](bulkhead.NewGate(bulkhead.Config{Limit: n}))
		assert.Equal(t, n, admitted(5, theirs.TryAcquirePermit))
		assert.Equal(t, n, admitted(5, func() bool { _, ok := ours.Gate().TryAcquire(); return ok }))
	},
	"bulkhead: `WithMaxWaitTime(d)`": bubble(func(t *testing.T) {
		const n, d = 1, time.Second
		theirs := failsafebulkhead.NewBuilder[T](1).WithMaxWaitTime(d).Build()
		gate := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: n, MaxWait: d})
		require.True(t, theirs.TryAcquirePermit())
		_, ok := gate.TryAcquire()
		require.True(t, ok)
		assert.Equal(t, []time.Duration{d, d}, waits(func() { _, _ = failsafe.With[T](theirs).Get(fail.value) }), "two wait there")
		assert.Equal(t, []time.Duration{0, d}, waits(func() { _, _ = bulkhead.Do(context.Background(), gate, fail.fn) }), "one waits here")
	}),
	"`bulkhead.ErrFull`": func(t *testing.T) {
		_, theirs := failsafe.With[T](failsafebulkhead.New[T](0)).Get(fail.value)
		_, ours := bulkhead.Do(t.Context(), fullGate(), fail.fn)
		require.ErrorIs(t, theirs, failsafebulkhead.ErrFull)
		require.ErrorIs(t, ours, bulkhead.ErrFull)
		require.ErrorIs(t, ours, policy.ErrRejected)
	},
	"`OnFull`": func(t *testing.T) {
		full := 0
		theirs := failsafebulkhead.NewBuilder[T](0).OnFull(func(failsafe.ExecutionEvent[T]) { full++ }).Build()
		_, _ = failsafe.With[T](theirs).Get(fail.value)
		rec := fake.NewRecorder()
		ours := pipeline.New(bulkhead.New[T](fullGate())).WithObserver(rec.Observe, policy.Rejected)
		_, _ = ours.Do(t.Context(), fail.fn)
		assert.Equal(t, 1, full)
		assert.Equal(t, []policy.EventKind{policy.Rejected}, rec.Kinds())
	},
	"`OnAcquired`, `OnReleased`": func(t *testing.T) {
		var told []string
		theirs := failsafebulkhead.NewBuilder[T](1).
			OnAcquired(func(failsafe.ExecutionEvent[T]) { told = append(told, "acquired") }).
			OnReleased(func(failsafe.ExecutionEvent[T]) { told = append(told, "released") }).Build()
		_, _ = failsafe.With[T](theirs).Get(func() (T, error) { told = append(told, "runs"); return 1, nil })
		assert.Equal(t, []string{"acquired", "runs", "released"}, told)
		gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
		_, _ = bulkhead.Do(t.Context(), gate, func(context.Context) (T, error) {
			assert.Equal(t, 1, gate.Snapshot().InUse)
			return 1, nil
		})
		assert.EqualValues(t, 1, gate.Snapshot().Admitted)
	},
	"bulkhead: `AcquirePermit(ctx)`, `ReleasePermit()`": func(t *testing.T) {
		ctx := t.Context()
		theirs := failsafebulkhead.New[T](2)
		require.NoError(t, theirs.AcquirePermit(ctx))
		require.NoError(t, theirs.AcquirePermit(ctx))
		theirs.ReleasePermit()
		theirs.ReleasePermit() // the same caller again
		assert.Equal(t, 2, admitted(3, theirs.TryAcquirePermit), "a second release frees another caller's place")

		gate := bulkhead.NewGate(bulkhead.Config{Limit: 2, MaxQueue: 10})
		place, err := gate.Acquire(ctx)
		require.NoError(t, err)
		_, err = gate.Acquire(ctx)
		require.NoError(t, err)
		place.Release()
		place.Release()
		assert.Equal(t, 1, admitted(3, func() bool { _, ok := gate.TryAcquire(); return ok }))
	},
	"bulkhead: `AcquirePermitWithMaxWait(ctx, d)`": bubble(func(t *testing.T) {
		const d = time.Second
		theirs := failsafebulkhead.New[T](1)
		require.True(t, theirs.TryAcquirePermit())
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		gate := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 10})
		_, _ = gate.TryAcquire()
		_, err := gate.Acquire(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, policy.ErrRejected)
		ctx = context.Background()
		require.ErrorIs(t, theirs.AcquirePermitWithMaxWait(ctx, d), failsafebulkhead.ErrFull)
	}),
	"bulkhead: `TryAcquirePermit()`": func(t *testing.T) {
		theirs, gate := failsafebulkhead.New[T](1), bulkhead.NewGate(bulkhead.Config{Limit: 1})
		assert.True(t, theirs.TryAcquirePermit())
		assert.False(t, theirs.TryAcquirePermit())
		_, ok := gate.TryAcquire()
		assert.True(t, ok)
		_, ok = gate.TryAcquire()
		assert.False(t, ok)
	},
}

var failsafeRateRows = map[string]func(*testing.T){
	"`ratelimiter.NewSmooth[T](n, d)`": bubble(func(t *testing.T) {
		const n, d = 10, time.Second
		theirs := ratelimiter.NewSmooth[T](n, d)
		limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: n, Per: d, Burst: ratelimit.NoBurst})
		for range 5 {
			assert.True(t, theirs.TryAcquirePermit())
			assert.True(t, limiter.Allow(1))
			time.Sleep(d / n)
		}
		time.Sleep(d/n - 50*time.Microsecond)
		assert.True(t, theirs.TryAcquirePermit())
		assert.True(t, limiter.Allow(1))
		time.Sleep(100 * time.Microsecond)
		assert.True(t, theirs.TryAcquirePermit(), "its grid has a line between the two")
		assert.False(t, limiter.Allow(1))
	}),
	"`ratelimiter.NewBursty[T](n, d)`": bubble(func(t *testing.T) {
		const n, d = 10, time.Second
		theirs := ratelimiter.NewBursty[T](n, d)
		limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: n, Per: d, Burst: n})
		allow := func() bool { return limiter.Allow(1) }
		time.Sleep(d - time.Millisecond)
		assert.Equal(t, n, admitted(3*n, theirs.TryAcquirePermit))
		assert.Equal(t, n, admitted(3*n, allow))
		time.Sleep(2 * time.Millisecond)
		assert.Equal(t, n, admitted(3*n, theirs.TryAcquirePermit), "twice as many, 2 ms apart")
		assert.Equal(t, 0, admitted(3*n, allow))
	}),
	"rate limiter: `WithMaxWaitTime(d)`": bubble(func(t *testing.T) {
		const d = time.Second
		theirs := ratelimiter.NewSmoothBuilder[T](1, d).WithMaxWaitTime(d).Build()
		limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: d, MaxWait: d})
		their := waits(func() { _, _ = failsafe.With[T](theirs).Get(fail.value) })
		own := waits(func() { _, _ = ratelimit.Do(context.Background(), limiter, fail.fn) })
		assert.Equal(t, []time.Duration{0, d}, their)
		assert.Equal(t, their, own)
	}),
	"`ratelimiter.ErrExceeded`": func(t *testing.T) {
		theirs := ratelimiter.NewSmooth[T](1, time.Hour)
		require.True(t, theirs.TryAcquirePermit())
		_, their := failsafe.With[T](theirs).Get(fail.value)
		require.ErrorIs(t, their, ratelimiter.ErrExceeded)
		_, err := ratelimit.Do(t.Context(), spentLimiter(), fail.fn)
		require.ErrorIs(t, err, ratelimit.ErrExceeded)
		wait, ok := policy.RetryAfter(err)
		assert.True(t, ok)
		assert.InDelta(t, time.Hour, wait, float64(time.Minute))
	},
	"`OnRateLimitExceeded`": func(t *testing.T) {
		exceeded := 0
		theirs := ratelimiter.NewSmoothBuilder[T](1, time.Hour).
			OnRateLimitExceeded(func(failsafe.ExecutionEvent[T]) { exceeded++ }).Build()
		require.True(t, theirs.TryAcquirePermit())
		_, _ = failsafe.With[T](theirs).Get(fail.value)
		rec := fake.NewRecorder()
		ours := pipeline.New(ratelimit.New[T](spentLimiter())).WithObserver(rec.Observe, policy.Rejected)
		_, _ = ours.Do(t.Context(), fail.fn)
		assert.Equal(t, 1, exceeded)
		assert.Equal(t, []policy.EventKind{policy.Rejected}, rec.Kinds())
	},
	"rate limiter: `AcquirePermit(ctx)`, `TryAcquirePermit()`": bubble(func(t *testing.T) {
		ctx := t.Context()
		theirs := ratelimiter.NewSmooth[T](1, time.Second)
		limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1})
		assert.True(t, theirs.TryAcquirePermit())
		assert.True(t, limiter.Allow(1))
		begun := time.Now()
		require.NoError(t, theirs.AcquirePermit(ctx))
		assert.Equal(t, time.Second, time.Since(begun))
		require.NoError(t, limiter.Wait(ctx, 1)) // it is there by now
		assert.Equal(t, time.Second, time.Since(begun))
		require.NoError(t, limiter.Wait(ctx, 1))
		assert.Equal(t, 2*time.Second, time.Since(begun))
	}),
	"`ReservePermit()`, `TryReservePermit(d)`": bubble(func(t *testing.T) {
		const d = time.Second
		theirs := ratelimiter.NewSmooth[T](1, d)
		limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: d})
		assert.Equal(t, time.Duration(0), theirs.ReservePermit())
		assert.Equal(t, d, theirs.TryReservePermit(d))
		assert.EqualValues(t, -1, theirs.TryReservePermit(d))
		first, err := limiter.Reserve(1, -1)
		require.NoError(t, err)
		assert.Zero(t, first.Delay())
		second, err := limiter.Reserve(1, d)
		require.NoError(t, err)
		assert.Equal(t, d, second.Delay())
		_, err = limiter.Reserve(1, d)
		require.ErrorIs(t, err, ratelimit.ErrExceeded)
		second.Cancel()
		_, err = limiter.Reserve(1, d)
		require.NoError(t, err, "what was cancelled is there again")
	}),
}

// waits runs call twice at the same time and returns how long the two took, shorter first.
func waits(call func()) []time.Duration {
	var wg sync.WaitGroup
	took := make([]time.Duration, 2)
	for i := range took {
		wg.Go(func() {
			begun := time.Now()
			call()
			took[i] = time.Since(begun)
		})
	}
	wg.Wait()
	if took[0] > took[1] {
		took[0], took[1] = took[1], took[0]
	}
	return took
}

// fullGate returns a gate whose only place is taken.
func fullGate() *bulkhead.Gate {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	_, _ = gate.TryAcquire()
	return gate
}

// spentLimiter returns a limiter without a token for an hour.
func spentLimiter() *ratelimit.Limiter {
	limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Hour})
	limiter.Allow(1)
	return limiter
}
