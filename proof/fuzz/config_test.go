package fuzz_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

var errDown = errors.New("down")

// enough is how often a function fails before it gives in, so that a retry
// without limit ends.
const enough = 200

// edges are durations and numbers that configurations stumble over.
var edges = []int64{0, 1, -1, 9, 10, 1e9, math.MaxInt32, math.MaxInt32 + 1, math.MaxInt64, math.MinInt64}

var shares = []float64{0, 0.5, 1, -1, 2, 1e-300, math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1)}

// accepted reports whether err, of a Validate, is nil, and that make panics with
// just err where it is not.
func accepted(t *testing.T, err error, build func()) bool {
	t.Helper()
	if err == nil {
		require.NotPanics(t, build)
		return true
	}
	require.PanicsWithError(t, err.Error(), build)
	return false
}

// failing returns a function that fails until enough, and its count.
func failing() (policy.Func[int], *int) {
	runs := 0
	return func(context.Context) (int, error) {
		if runs++; runs >= enough {
			return runs, nil
		}
		return 0, errDown
	}, &runs
}

func FuzzRetryConfig(f *testing.F) {
	for i, n := range edges {
		f.Add(n, n, edges[(i+3)%10], n, edges[(i+7)%10], shares[i], shares[(i+1)%10], shares[(i+4)%10])
		f.Add(int64(3), n, n, int64(0), int64(0), 2.0, 0.1, 0.5)
	}
	f.Fuzz(func(t *testing.T, attempts, base, limit, elapsed, after int64, multiplier, jitter, random float64) {
		clk := fake.NewClock(fake.AutoAdvance())
		cfg := retry.Config{
			MaxAttempts: int(attempts), BaseDelay: time.Duration(base), MaxDelay: time.Duration(limit),
			MaxElapsed: time.Duration(elapsed), MaxRetryAfter: time.Duration(after),
			Multiplier: multiplier, JitterFactor: jitter, Clock: clk, Rand: func() float64 { return random },
		}
		if !accepted(t, cfg.Validate(), func() { retry.New[int](cfg) }) {
			return
		}
		fn, runs := failing()
		_, err := retry.Do(t.Context(), cfg, fn)
		requireRetry(t, cfg, *runs, err, clk)
	})
}

func requireRetry(t *testing.T, cfg retry.Config, runs int, err error, clk *fake.Clock) {
	t.Helper()
	limit := cfg.MaxDelay
	if limit == 0 {
		limit = retry.DefaultMaxDelay
	}
	for _, slept := range clk.Sleeps() {
		require.GreaterOrEqual(t, slept, time.Duration(0))
		require.LessOrEqual(t, slept, limit, "a delay above MaxDelay")
	}
	attempts := cfg.MaxAttempts
	if attempts == 0 {
		attempts = retry.DefaultMaxAttempts
	}
	switch {
	case err == nil:
		require.Equal(t, enough, runs)
		require.True(t, attempts == retry.Unlimited || attempts >= enough)
	case errors.Is(err, retry.ErrExhausted):
		require.Equal(t, attempts, runs)
	default:
		require.ErrorIs(t, err, retry.ErrElapsed)
		require.Positive(t, cfg.MaxElapsed)
	}
	require.Zero(t, clk.Waiters())
}

func FuzzBudgetConfig(f *testing.F) {
	for i, n := range edges {
		f.Add(shares[i], shares[(i+3)%10], n)
		f.Add(0.1, 1.0, n)
		f.Add(shares[i], 1.0, int64(1e9))
	}
	f.Fuzz(func(t *testing.T, ratio, least float64, window int64) {
		clk := fake.NewClock(fake.AutoAdvance())
		cfg := retry.BudgetConfig{Ratio: ratio, MinPerSecond: least, Window: time.Duration(window), Clock: clk}
		if !accepted(t, cfg.Validate(), func() { retry.NewBudget(cfg) }) {
			return
		}
		r := retry.New[int](retry.Config{
			Budget: retry.NewBudget(cfg), Clock: clk, Backoff: retry.Constant(0), MaxAttempts: 5,
		})
		const calls = 50
		runs := 0
		for range calls {
			_, err := r.Do(t.Context(), func(context.Context) (int, error) { runs++; return 0, errDown })
			require.True(t, errors.Is(err, retry.ErrBudget) || errors.Is(err, retry.ErrExhausted), "%v", err)
		}
		if ratio == 0 {
			ratio = 0.1
		}
		if least == 0 {
			least = 10
		}
		if window == 0 {
			window = int64(10 * time.Second)
		}
		granted, limit := float64(runs-calls), ratio*calls+least*time.Duration(window).Seconds()
		require.LessOrEqual(t, granted, limit)
		if limit >= 5*calls {
			require.Equal(t, 4.0*calls, granted, "a budget that has enough refuses nobody")
		}
	})
}

func FuzzTimeoutConfig(f *testing.F) {
	for i, n := range edges {
		f.Add(n, edges[(i+5)%10], i%2 == 0)
		f.Add(int64(5), n, i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, after, works int64, abandon bool) {
		clk := fake.NewClock(fake.AutoAdvance())
		cfg := policy.TimeoutConfig{After: time.Duration(after), Abandon: abandon, Clock: clk}
		if !accepted(t, cfg.Validate(), func() { policy.NewTimeout[int](cfg) }) {
			return
		}
		p := policy.NewTimeout[int](cfg)
		_, err := p.Do(t.Context(), func(ctx context.Context) (int, error) {
			if clk.Sleep(ctx, time.Duration(works)) != nil {
				return 0, ctx.Err()
			}
			return 0, errDown
		})
		if works < after {
			require.Equal(t, errDown, err)
		} else {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorAs(t, err, new(*policy.TimeoutError))
		}
	})
}

func FuzzStandardConfig(f *testing.F) {
	for i, n := range edges {
		f.Add(n, edges[(i+1)%10], int64(3), edges[(i+2)%10], edges[(i+3)%10], shares[i])
		f.Add(int64(time.Minute), int64(time.Second), n, int64(time.Millisecond), int64(time.Second), 2.0)
		f.Add(n, int64(5), int64(-1), int64(1), int64(1), 1.0)
	}
	f.Fuzz(func(t *testing.T, total, attempt, attempts, base, limit int64, multiplier float64) {
		clk := fake.NewClock(fake.AutoAdvance())
		cfg := pipeline.StandardConfig{
			TotalTimeout: time.Duration(total), AttemptTimeout: time.Duration(attempt), Clock: clk,
			Retry: retry.Config{
				MaxAttempts: int(attempts), BaseDelay: time.Duration(base), MaxDelay: time.Duration(limit), Multiplier: multiplier,
			},
		}
		if !accepted(t, cfg.Validate(), func() { pipeline.Standard[int](cfg) }) {
			return
		}
		start := clk.Now()
		fn, runs := failing()
		_, err := pipeline.Standard[int](cfg).Do(t.Context(), fn)
		require.Equal(t, *runs == enough, err == nil, "%v", err)
		if total > 0 {
			require.LessOrEqual(t, clk.Now().Sub(start), time.Duration(total))
		}
		require.Zero(t, clk.Waiters())
	})
}
