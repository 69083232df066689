package bench_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

// elsewhere are the libraries of other languages. Their side of a table is not run; the
// code on ours is in this file and in the tests of other rows.
var elsewhere = map[string]bool{"Polly": true, "resilience4j": true}

func TestAGatePortedFromElsewhere(t *testing.T) {
	const n, s, d = 1, 1, time.Second
	synctest.Test(t, func(t *testing.T) {
		for _, cfg := range []bulkhead.Config{
			{Limit: s, MaxQueue: n, MaxWait: d, Order: bulkhead.FIFO},
			{Limit: s, MaxQueue: n, MaxWait: d, Order: bulkhead.LIFO},
		} {
			gate := bulkhead.NewGate(cfg)
			_, ok := gate.TryAcquire()
			require.True(t, ok)
			begun := time.Now()
			_, err := gate.Acquire(t.Context())
			require.ErrorIs(t, err, bulkhead.ErrFull)
			assert.Equal(t, d, time.Since(begun))
			gate.SetLimit(s + n)
			_, err = gate.Acquire(t.Context())
			require.NoError(t, err)
		}
	})
}

func TestALimiterPortedFromElsewhere(t *testing.T) {
	const n, s, d = 10, 5, time.Second
	synctest.Test(t, func(t *testing.T) {
		for _, cfg := range []ratelimit.Config{
			{Limit: n, Per: d, Burst: s},
			{Limit: n, Per: d, Burst: n, MaxWait: d},
		} {
			limiter := ratelimit.NewLimiter(cfg)
			assert.Equal(t, cfg.Burst, admitted(20, func() bool { return limiter.Allow(1) }))
			_, err := limiter.Reserve(1, 0)
			wait, ok := policy.RetryAfter(err)
			assert.True(t, ok)
			assert.Equal(t, d/n, wait)
		}
		limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Hour})
		limiter.SetRate(n, d, s)
		time.Sleep(d)
		assert.Equal(t, s, limiter.Snapshot().Tokens)
		drained := ratelimit.New[T](limiter).WithPause(func(T, error) time.Duration { return d })
		_, err := drained.Do(t.Context(), (&trail{end: returns(nil)}).fn)
		require.NoError(t, err)
		assert.False(t, limiter.Allow(1))
	})
}

func TestAHedgePortedFromElsewhere(t *testing.T) {
	const n, d = 2, time.Second
	synctest.Test(t, func(t *testing.T) {
		for name, row := range map[string]struct {
			cfg  hedge.Config
			took time.Duration
		}{
			"a delay":         {hedge.Config{Delay: d, MaxExtra: n}, d},
			"at once":         {hedge.Config{Delay: hedge.AtOnce}, 0},
			"only on failure": {hedge.Config{Delay: math.MaxInt64, OnFailure: true, HedgeIf: retry.Retryable}, 0},
		} {
			h := hedge.New[T](row.cfg).WithCondition(func(_ T, err error) bool { return err == nil })
			begun := time.Now()
			v, err := h.Do(t.Context(), func(ctx context.Context) (T, error) {
				if hedge.Attempt(ctx) > 1 {
					return 2, nil
				}
				if name == "only on failure" {
					return 0, errors.New("down")
				}
				<-ctx.Done()
				return 0, ctx.Err()
			})
			require.NoError(t, err, name)
			assert.Equal(t, 2, v, name)
			assert.Equal(t, row.took, time.Since(begun), name)
		}
	})
}
