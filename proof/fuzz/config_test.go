package fuzz_test

import (
	"cmp"
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

var errDown = errors.New("down")

// enough is the number of failures after which a function succeeds, so that a retry
// without a limit ends.
const enough = 200

// edges are durations and numbers that often break a config.
var edges = []int64{0, 1, -1, 9, 10, 1e9, math.MaxInt32, math.MaxInt32 + 1, math.MaxInt64, math.MinInt64}

var shares = []float64{0, 0.5, 1, -1, 2, 1e-300, math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1)}

// accepted reports whether err, the result of Validate, is nil. If not, it requires build
// to panic with exactly err.
func accepted(t *testing.T, err error, build func()) bool {
	t.Helper()
	if err == nil {
		require.NotPanics(t, build)
		return true
	}
	require.PanicsWithError(t, err.Error(), build)
	return false
}

// failing returns a function that returns err until its run number enough, and the count
// of its runs.
func failing(err error) (policy.Func[int], *int) {
	runs := 0
	return func(context.Context) (int, error) {
		if runs++; runs >= enough {
			return runs, nil
		}
		return 0, err
	}, &runs
}

func FuzzRetryConfig(f *testing.F) {
	for i, n := range edges {
		f.Add(n, n, edges[(i+3)%10], n, edges[(i+7)%10], edges[(i+8)%10], shares[i], shares[(i+1)%10], shares[(i+4)%10], uint8(i), i%2 == 0)
		f.Add(int64(3), n, n, int64(0), int64(0), int64(0), 2.0, 0.1, 0.5, uint8(0), false)
		f.Add(int64(4), int64(1e6), int64(1e9), int64(0), n, int64(1e9), 2.0, 0.1, 0.5, uint8(i), false)
		f.Add(int64(-1), int64(1e6), int64(1e9), int64(1e10), int64(1e9), n, 2.0, 0.1, 0.5, uint8(i+1), true)
	}
	f.Add(int64(3), int64(-1), int64(1e9), int64(0), int64(0), int64(5e9), 2.0, 0.5, math.NaN(), uint8(0), false)
	f.Fuzz(func(t *testing.T, attempts, base, limit, elapsed, after, hint int64, multiplier, jitter, random float64, kind uint8, budget bool) {
		clk := fake.NewClock(fake.AutoAdvance())
		cfg := retry.Config{
			MaxAttempts: int(attempts), BaseDelay: time.Duration(base), MaxDelay: time.Duration(limit),
			MaxElapsed: time.Duration(elapsed), MaxRetryAfter: time.Duration(after),
			Multiplier: multiplier, JitterFactor: jitter, Clock: clk, Rand: func() float64 { return random },
			KeepErrors: int(kind) % 70, RetryRejected: budget,
		}
		longest := cfg.MaxDelay
		if longest == 0 {
			longest = max(retry.DefaultMaxDelay, cfg.BaseDelay)
		}
		if b := backoff(kind, cfg.BaseDelay, cfg.MaxDelay, multiplier); b != nil {
			cfg.Backoff, longest = b, max(0, cfg.BaseDelay, cfg.MaxDelay)
		}
		if budget {
			cfg.Budget = retry.NewBudget(retry.BudgetConfig{Clock: clk})
		}
		if !accepted(t, cfg.Validate(), func() { retry.New[int](cfg) }) {
			return
		}
		hinted := retry.After(errDown, time.Duration(hint))
		if budget { // the retry waits for a rejection in the same way
			hinted = retry.After(policy.ErrRejected, time.Duration(hint))
		}
		fn, runs := failing(hinted)
		_, err := retry.Do(t.Context(), cfg, fn)
		if budget && hint <= 0 {
			require.Equal(t, 1, *runs, "a rejection that does not say when to come back is final")
			return
		}
		requireDelays(t, clk.Sleeps(), longest, time.Duration(hint), cmp.Or(jitter, retry.DefaultJitterFactor))
		requireKept(t, cfg.KeepErrors, *runs, err)
		requireRetry(t, cfg, *runs, time.Duration(hint), err)
		require.Zero(t, clk.Waiters())
	})
}

// backoff returns a Backoff of package retry, nil, or one that a user might write. None
// returns more than the larger of base and limit.
func backoff(kind uint8, base, limit time.Duration, factor float64) retry.Backoff {
	if kind%10 == 9 {
		return func(retry.Step) time.Duration { return base } // which may be negative
	}
	if base < 0 || limit < 0 || !(factor >= 1 && factor <= math.MaxFloat64) {
		return nil
	}
	return []retry.Backoff{
		nil, retry.Constant(base), retry.Sequence(base, limit), retry.Linear(base, limit),
		retry.Exponential(base, limit, factor), retry.Fibonacci(base, limit), retry.FullJitter(base, limit),
		retry.EqualJitter(base, limit), retry.Decorrelated(base, limit),
	}[kind%10]
}

// requireDelays requires every delay to be at least the server's hint, spread upwards by
// no more than the jitter, or else at most longest.
func requireDelays(t *testing.T, slept []time.Duration, longest, hint time.Duration, jitter float64) {
	t.Helper()
	most := max(0, hint)
	if jitter > 0 {
		most = time.Duration(min(float64(most)*(1+jitter)+1, 1<<62))
	}
	for _, d := range slept {
		require.GreaterOrEqual(t, d, max(0, hint), "shorter than the server asks for")
		require.LessOrEqual(t, d, max(longest, most), "a delay above the longest")
	}
}

// requireKept requires the error of a retry to hold the errors of the last attempts.
func requireKept(t *testing.T, keep, runs int, err error) {
	t.Helper()
	var gaveUp *retry.Error
	if errors.As(err, &gaveUp) {
		require.Len(t, gaveUp.Errs, min(runs, max(1, keep)))
		require.ErrorIs(t, err, retry.ErrGaveUp)
	}
}

// requireRetry requires the reason with which a retry ended to be true.
func requireRetry(t *testing.T, cfg retry.Config, runs int, hint time.Duration, err error) {
	t.Helper()
	attempts := cmp.Or(cfg.MaxAttempts, retry.DefaultMaxAttempts)
	asksTooMuch := hint > cmp.Or(cfg.MaxRetryAfter, retry.DefaultMaxRetryAfter)
	if asksTooMuch && attempts != 1 {
		require.ErrorIs(t, err, retry.ErrRetryAfter)
		require.Equal(t, 1, runs)
		return
	}
	switch {
	case err == nil:
		require.Equal(t, enough, runs)
		require.True(t, attempts == retry.Unlimited || attempts >= enough)
	case errors.Is(err, retry.ErrExhausted):
		require.Equal(t, attempts, runs)
	case errors.Is(err, retry.ErrBudget):
		require.NotNil(t, cfg.Budget)
	default:
		require.ErrorIs(t, err, retry.ErrElapsed)
		require.Positive(t, cfg.MaxElapsed)
	}
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
		budget := retry.NewBudget(cfg)
		r := retry.New[int](retry.Config{
			Budget: budget, Clock: clk, Backoff: retry.Constant(0), MaxAttempts: 5,
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
		granted, limit := float64(runs-calls), ratio*calls+max(0, least)*time.Duration(window).Seconds()
		require.LessOrEqual(t, granted, limit)
		if limit >= 5*calls {
			require.Equal(t, 4.0*calls, granted, "a budget that has enough refuses no retry")
		}
		requireReconfigured(t, budget, cfg, granted)
	})
}

// requireReconfigured requires a budget to keep its counts, and to grant each token again
// that was given back.
func requireReconfigured(t *testing.T, budget *retry.Budget, cfg retry.BudgetConfig, granted float64) {
	t.Helper()
	before := budget.Snapshot()
	require.GreaterOrEqual(t, granted, float64(before.Retries)) // the window may have moved on
	changed := cfg
	changed.Ratio = 1000
	require.NoError(t, budget.Reconfigure(changed))
	after := budget.Snapshot()
	require.Equal(t, [2]int64{before.Calls, before.Retries}, [2]int64{after.Calls, after.Retries})
	for range before.Retries + 2 {
		budget.GiveBack()
	}
	require.Zero(t, budget.Snapshot().Retries)
	changed.Clock = nil
	require.ErrorContains(t, budget.Reconfigure(changed), "Clock")
}

// tooLong is longer than the time of a bubble of testing/synctest can run.
const tooLong = 100 * 365 * 24 * time.Hour

func FuzzTimeoutConfig(f *testing.F) {
	for i, n := range edges {
		f.Add(n, edges[(i+5)%10], i%2 == 0, i%3 == 0)
		f.Add(int64(5), n, i%2 == 0, i%3 == 0)
		f.Add(n, n, i%2 == 0, true)
	}
	f.Fuzz(func(t *testing.T, after, works int64, abandon, realTime bool) {
		cfg := policy.TimeoutConfig{After: time.Duration(after), Abandon: abandon}
		if !realTime {
			cfg.Clock = fake.NewClock(fake.AutoAdvance())
		}
		if !accepted(t, cfg.Validate(), func() { policy.NewTimeout[int](cfg) }) {
			return
		}
		if !realTime {
			requireTimeout(t, cfg, time.Duration(works))
		} else if max(cfg.After, time.Duration(works)) < tooLong {
			synctest.Test(t, func(t *testing.T) { requireTimeout(t, cfg, time.Duration(works)) })
		}
	})
}

// requireTimeout requires a function that runs too long to be stopped at the limit, and
// any other to be left alone.
func requireTimeout(t *testing.T, cfg policy.TimeoutConfig, works time.Duration) {
	t.Helper()
	start := policy.Now(cfg.Clock)
	_, err := policy.NewTimeout[int](cfg).Do(t.Context(), func(ctx context.Context) (int, error) {
		if policy.Sleep(ctx, cfg.Clock, works) != nil {
			return 0, ctx.Err()
		}
		return 0, errDown
	})
	if works < cfg.After {
		require.Equal(t, errDown, err)
	} else {
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorAs(t, err, new(*policy.TimeoutError))
	}
	require.Equal(t, min(max(works, 0), cfg.After), policy.Now(cfg.Clock).Sub(start))
}

func FuzzStandardConfig(f *testing.F) {
	for i, n := range edges {
		f.Add(n, edges[(i+1)%10], int64(3), edges[(i+2)%10], edges[(i+3)%10], shares[i], uint8(i))
		f.Add(int64(time.Minute), int64(time.Second), n, int64(time.Millisecond), int64(time.Second), 2.0, uint8(i))
		f.Add(n, int64(5), int64(-1), int64(1), int64(1), 1.0, uint8(i))
	}
	f.Fuzz(func(t *testing.T, total, attempt, attempts, base, limit int64, multiplier float64, failures uint8) {
		clk := fake.NewClock(fake.AutoAdvance())
		cfg := pipeline.StandardConfig{
			TotalTimeout: time.Duration(total), AttemptTimeout: time.Duration(attempt), Clock: clk,
			Retry: retry.Config{
				MaxAttempts: int(attempts), BaseDelay: time.Duration(base), MaxDelay: time.Duration(limit), Multiplier: multiplier,
			},
		}
		if failures > 0 {
			cfg.Circuit = breaker.NewCircuit(breaker.Config{FailureThreshold: int(failures), Clock: clk})
		}
		if !accepted(t, cfg.Validate(), func() { pipeline.Standard[int](cfg) }) {
			return
		}
		start := clk.Now()
		fn, runs := failing(errDown)
		_, err := pipeline.Standard[int](cfg).Do(t.Context(), fn)
		require.Equal(t, *runs == enough, err == nil, "%v", err)
		if total > 0 {
			require.LessOrEqual(t, clk.Now().Sub(start), time.Duration(total))
		}
		if cfg.Circuit != nil {
			requireCounted(t, cfg.Circuit, int(failures), *runs, err)
		}
		require.Zero(t, clk.Waiters())
	})
}

// requireCounted requires a circuit to have opened at the given number of failures, and to
// have refused no call before.
func requireCounted(t *testing.T, c *breaker.Circuit, failures, runs int, err error) {
	t.Helper()
	if runs < failures {
		inRow := runs
		if err == nil {
			inRow = 0
		}
		require.Equal(t, breaker.Closed, c.State())
		require.Equal(t, int64(inRow), c.Snapshot().Counts.Failures)
	}
	if errors.Is(err, breaker.ErrOpen) {
		require.GreaterOrEqual(t, runs, failures)
	}
}
