package retry_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

var errDown = errors.New("down")

func middle() float64 { return 0.5 }

// delays returns the delays and the error of a retry whose calls all fail.
func delays(t *testing.T, cfg retry.Config) (all []time.Duration, err error) {
	t.Helper()
	cfg.OnRetry = func(_ context.Context, e policy.Event) { all = append(all, e.Delay) }
	synctest.Test(t, func(t *testing.T) {
		_, err = retry.Do(t.Context(), cfg, func(context.Context) (int, error) { return 0, errDown })
	})
	return all, err
}

func TestDefaultsAreThreeAttemptsAndDoublingDelays(t *testing.T) {
	all, err := delays(t, retry.Config{Rand: middle})
	assert.Equal(t, []time.Duration{500 * time.Millisecond, time.Second}, all)
	var e *retry.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, 3, e.Attempts)
	assert.Equal(t, 1500*time.Millisecond, e.Elapsed)
	assert.ErrorIs(t, err, retry.ErrExhausted)
	assert.ErrorIs(t, err, errDown)
	assert.EqualError(t, err, "retry: gave up after 3 attempts in 1.5s: retry: attempts exhausted: last error: down")
}

func TestDefaultJitterIsTenPercentAndTheCapFourSeconds(t *testing.T) {
	all, _ := delays(t, retry.Config{MaxAttempts: 6, Rand: func() float64 { return 0 }})
	assert.Equal(t, []time.Duration{450 * time.Millisecond, 900 * time.Millisecond, 1800 * time.Millisecond, 3600 * time.Millisecond, 3600 * time.Millisecond}, all)
	all, _ = delays(t, retry.Config{MaxAttempts: 6, Rand: func() float64 { return 0.999 }})
	assert.Equal(t, []time.Duration{549900 * time.Microsecond, 1099800 * time.Microsecond, 2199600 * time.Microsecond, 4 * time.Second, 4 * time.Second}, all)
}

func TestInvalidConfigsAreRefused(t *testing.T) {
	for field, cfg := range map[string]retry.Config{
		"MaxAttempts":   {MaxAttempts: -2},
		"BaseDelay":     {BaseDelay: time.Minute, MaxDelay: time.Second},
		"MaxDelay":      {MaxDelay: -1},
		"Multiplier":    {Multiplier: math.NaN()},
		"JitterFactor":  {JitterFactor: 1.5},
		"MaxElapsed":    {MaxElapsed: -1},
		"MaxRetryAfter": {MaxRetryAfter: -1},
	} {
		assert.ErrorContains(t, cfg.Validate(), "retry: Config."+field+" is ")
		assert.Panics(t, func() { retry.New[int](cfg) })
	}
}

func TestASuccessIsReturnedEvenAfterACancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	v, err := retry.Do(ctx, retry.Config{}, func(context.Context) (int, error) { cancel(); return 1, nil })
	require.NoError(t, err)
	assert.Equal(t, 1, v)
}

func TestACancelDuringTheDelayKeepsTheLastError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(100*time.Millisecond, func() { cancel(cause) })
		_, err := retry.Do(ctx, retry.Config{}, func(context.Context) (int, error) { return 0, errDown })
		for _, want := range []error{cause, errDown, context.Canceled} {
			assert.ErrorIs(t, err, want)
		}
	})
}

func TestADelayBeyondTheDeadlineIsNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := retry.Do(ctx, retry.Config{BaseDelay: 2 * time.Second}, func(context.Context) (int, error) { return 0, errDown })
		assert.ErrorIs(t, err, retry.ErrDeadline)
		assert.Zero(t, time.Since(start))
	})
}

func TestTheDelayMustFitInMaxElapsed(t *testing.T) {
	all, err := delays(t, retry.Config{MaxAttempts: retry.Unlimited, MaxElapsed: 1500 * time.Millisecond, JitterFactor: retry.NoJitter})
	assert.ErrorIs(t, err, retry.ErrElapsed)
	assert.Equal(t, []time.Duration{500 * time.Millisecond, time.Second}, all)
}

func TestBackoffsDoNotOverflow(t *testing.T) {
	limit := 4 * time.Second
	for _, b := range []retry.Backoff{
		retry.Linear(time.Second, limit), retry.Exponential(time.Second, limit, 2), retry.Fibonacci(time.Second, limit),
		retry.FullJitter(time.Second, limit), retry.EqualJitter(time.Second, limit), retry.Decorrelated(time.Second, limit),
		retry.Exponential(math.MaxInt64, math.MaxInt64, 10), retry.Exponential(0, limit, 2), retry.Constant(limit), retry.Sequence(0, limit),
	} {
		for _, n := range []int{0, 1, 2, 31, 36, 63, 64, 1025, 10000, math.MaxInt} {
			d := b(retry.Step{Attempt: n, Previous: math.MaxInt64, Rand: func() float64 { return 0.999 }})
			assert.GreaterOrEqual(t, d, time.Duration(0))
		}
	}
	assert.Equal(t, limit, retry.Exponential(time.Second, limit, 2)(retry.Step{Attempt: 10000}))
}

func TestAnEndedContextRunsNothing(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errDown)
	_, err := retry.Do(ctx, retry.Config{}, func(context.Context) (int, error) { t.Error("the function ran"); return 0, nil })
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, errDown)
}

func TestACancelInOnRetryPreventsTheNextAttempt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	cfg := retry.Config{Backoff: retry.Constant(0), OnRetry: func(context.Context, policy.Event) { cancel() }}
	_, err := retry.Do(ctx, cfg, func(context.Context) (int, error) { calls++; return 0, errDown })
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, calls)
}

func TestNestedRetriesCountTheirOwnAttempts(t *testing.T) {
	var seen []string
	cfg := retry.Config{MaxAttempts: 2, Backoff: retry.Constant(0)}
	_, _ = retry.Do(context.Background(), cfg, func(ctx context.Context) (int, error) {
		outer := retry.Attempt(ctx)
		return retry.Do(ctx, cfg, func(ctx context.Context) (int, error) {
			seen = append(seen, fmt.Sprint(outer, retry.Attempt(ctx)))
			return 0, errDown
		})
	})
	assert.Equal(t, []string{"1 1", "1 2", "2 1", "2 2"}, seen)
}

func TestOuterMarksAreRemovedAndWrappedOnesKeepTheirMessage(t *testing.T) {
	_, err := retry.Do(context.Background(), retry.Config{}, func(context.Context) (int, error) { return 0, retry.Permanent(errDown) })
	assert.Equal(t, errDown, err)
	_, err = retry.Do(context.Background(), retry.Config{}, func(context.Context) (int, error) {
		return 0, fmt.Errorf("outer: %w", retry.Permanent(errDown))
	})
	assert.EqualError(t, err, "outer: down")
	assert.NoError(t, retry.Permanent(nil))
	assert.NoError(t, retry.After(nil, 1))
}

type hinted struct{ d time.Duration }

func (h *hinted) Error() string             { return "hinted" }
func (h *hinted) RetryAfter() time.Duration { return h.d }

func TestANilErrorPointerDoesNotPanic(t *testing.T) {
	_, err := retry.Do(context.Background(), retry.Config{Backoff: retry.Constant(0)}, func(context.Context) (int, error) {
		return 0, (*hinted)(nil)
	})
	assert.ErrorIs(t, err, retry.ErrExhausted)
}

func TestRetryableByDefault(t *testing.T) {
	for err, want := range map[error]bool{
		nil: false, errDown: true, context.DeadlineExceeded: true, context.Canceled: false,
		retry.Permanent(errDown): false, policy.ErrRejected: false, fmt.Errorf("outer: %w", policy.ErrRejected): false,
	} {
		assert.Equal(t, want, retry.Retryable(err), "%v", err)
	}
}

func TestAHintIsTheMinimumAndALongOneEndsTheRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := retry.Do(t.Context(), retry.Config{MaxAttempts: 2, JitterFactor: retry.NoJitter}, func(context.Context) (int, error) {
			return 0, retry.After(errDown, 10*time.Second)
		})
		assert.ErrorIs(t, err, retry.ErrExhausted)
		assert.Equal(t, 10*time.Second, time.Since(start))
		_, err = retry.Do(t.Context(), retry.Config{}, func(context.Context) (int, error) { return 0, &hinted{time.Minute} })
		assert.ErrorIs(t, err, retry.ErrRetryAfter)
		assert.Equal(t, 10*time.Second, time.Since(start))
	})
}

func TestARejectionIsNotRetried(t *testing.T) {
	calls := 0
	rejected := fmt.Errorf("bulkhead: %w", policy.ErrRejected)
	_, err := retry.Do(context.Background(), retry.Config{}, func(context.Context) (int, error) { calls++; return 0, rejected })
	assert.Equal(t, rejected, err)
	assert.Equal(t, 1, calls)
}

func TestOnRetryIsNotCalledAfterTheLastAttempt(t *testing.T) {
	all, _ := delays(t, retry.Config{MaxAttempts: 1})
	assert.Empty(t, all)
}

func TestPermanentOverridesEveryCondition(t *testing.T) {
	calls := 0
	r := retry.New[int](retry.Config{RetryIf: func(error) bool { return true }}).WithCondition(func(int, error) bool { return true })
	_, err := r.Do(context.Background(), func(context.Context) (int, error) { calls++; return 0, retry.Permanent(errDown) })
	assert.Equal(t, errDown, err)
	assert.Equal(t, 1, calls)
}

func TestTheLastRejectedValueIsReturnedAndTheOthersAreDiscarded(t *testing.T) {
	var discarded []int
	n := 0
	r := retry.New[int](retry.Config{Backoff: retry.Constant(0)}).
		WithCondition(func(v int, _ error) bool { return v < 10 }).WithDiscard(func(v int) { discarded = append(discarded, v) })
	v, err := r.Do(context.Background(), func(context.Context) (int, error) { n++; return n, nil })
	var e *retry.Error
	require.ErrorAs(t, err, &e)
	assert.NoError(t, e.Last)
	assert.Equal(t, 3, v)
	assert.Equal(t, []int{1, 2}, discarded)
}

func TestABudgetLimitsRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := retry.NewBudget(retry.BudgetConfig{Ratio: 0.5, MinPerSecond: 0.1, Window: 10 * time.Second})
		spent := 0
		for range 10 {
			_, err := retry.Do(t.Context(), retry.Config{MaxAttempts: 2, Backoff: retry.Constant(0), Budget: budget},
				func(context.Context) (int, error) { return 0, errDown })
			if errors.Is(err, retry.ErrBudget) {
				spent++
			}
		}
		assert.Equal(t, 4, spent)
		assert.Panics(t, func() { retry.NewBudget(retry.BudgetConfig{Ratio: -1}) })
	})
}

func TestASuccessOfTheFirstAttemptAllocatesNothing(t *testing.T) {
	r := retry.New[int](retry.Config{})
	ctx := context.Background()
	fn := func(context.Context) (int, error) { return 1, nil }
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = r.Do(ctx, fn) }))
}

func ExampleDo() {
	v, err := retry.Do(context.Background(), retry.Config{}, func(context.Context) (string, error) {
		return "done", nil
	})
	fmt.Println(v, err)
	// Output: done <nil>
}
