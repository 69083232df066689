package differ_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v7"
	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// tries runs a failing function with both libraries. It returns how often each ran it,
// how long that took, and what each returned.
type tries struct {
	ours, theirs       int
	took, tookTheirs   time.Duration
	err, theirErr, end error
}

func fail(ctx context.Context, end error, delay time.Duration) tries {
	r := tries{end: end}
	start := time.Now()
	_, r.err = retry.Do(ctx, retry.Config{Backoff: retry.Constant(delay)}, func(context.Context) (int, error) {
		r.ours++
		return 0, end
	})
	r.took, start = time.Since(start), time.Now()
	_, r.theirErr = backoff.Retry(ctx, func() (int, error) {
		r.theirs++
		return 0, end
	}, backoff.WithMaxTries(3), backoff.WithBackOff(backoff.NewConstantBackOff(delay)))
	r.tookTheirs = time.Since(start)
	return r
}

func TestAnEndedContextRunsNothingAndInBackoffRunsOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := fail(ctx, errDown, 1)
	assert.Equal(t, 0, r.ours)
	assert.Equal(t, 1, r.theirs)
}

func TestADelayBeyondTheDeadlineIsNotBegunAndBackoffSleepsUntilIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r := fail(ctx, errDown, 10*time.Minute)
		assert.Zero(t, r.took)
		assert.Equal(t, time.Minute, r.tookTheirs)
		assert.ErrorIs(t, r.err, retry.ErrDeadline)
		assert.ErrorIs(t, r.theirErr, context.DeadlineExceeded)
	})
}

func TestJitterStaysBelowTheMaximumAndInBackoffExceedsIt(t *testing.T) {
	b := exponential(time.Second, time.Second, 2)
	b.RandomizationFactor = 0.5
	theirs, ours := time.Duration(0), time.Duration(0)
	cfg := retry.Config{BaseDelay: time.Second, MaxDelay: time.Second, JitterFactor: 0.5, MaxAttempts: 100}
	synctest.Test(t, func(t *testing.T) {
		last := time.Now()
		_, _ = retry.Do(t.Context(), cfg, func(context.Context) (int, error) {
			ours, last = max(ours, time.Since(last)), time.Now()
			return 0, errDown
		})
	})
	for range 100 {
		theirs = max(theirs, b.NextBackOff())
	}
	assert.LessOrEqual(t, ours, time.Second)
	assert.Greater(t, theirs, time.Second, "of 100 delays")
}

func TestAHintIsAFloorAndInBackoffReplacesTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := fail(t.Context(), retry.After(errDown, time.Second), time.Minute)
		assert.Equal(t, 2*time.Minute, r.took)
		start := time.Now()
		_, _ = backoff.Retry(t.Context(), func() (int, error) { return 0, backoff.RetryAfter(time.Second, errDown) },
			backoff.WithMaxTries(3), backoff.WithBackOff(backoff.NewConstantBackOff(time.Minute)))
		assert.Equal(t, 2*time.Second, time.Since(start))
	})
}

func TestAHintIsSpreadUpwardsAndInBackoffIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		cfg := retry.Config{Backoff: retry.Constant(0), JitterFactor: 0.5, MaxAttempts: 2, Rand: func() float64 { return 0.5 }}
		_, _ = retry.Do(t.Context(), cfg, func(context.Context) (int, error) { return 0, retry.After(errDown, time.Second) })
		assert.Equal(t, 1250*time.Millisecond, time.Since(start))
		start = time.Now()
		_, _ = backoff.Retry(t.Context(), func() (int, error) { return 0, backoff.RetryAfter(time.Second, errDown) }, backoff.WithMaxTries(2))
		assert.Equal(t, time.Second, time.Since(start))
	})
}

func TestARejectionIsFinalAndBackoffRetriesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := fail(t.Context(), policy.ErrRejected, 1)
		assert.Equal(t, 1, r.ours)
		assert.Equal(t, 3, r.theirs)
	})
}

func TestAHintHasAMaximumAndInBackoffNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := fail(t.Context(), retry.After(errDown, time.Hour), time.Second)
		assert.Equal(t, 1, r.ours)
		assert.ErrorIs(t, r.err, retry.ErrRetryAfter)
		start := time.Now()
		_, _ = backoff.Retry(t.Context(), func() (int, error) { return 0, backoff.RetryAfter(time.Hour, errDown) },
			backoff.WithMaxTries(2), backoff.WithMaxElapsedTime(0))
		assert.Equal(t, time.Hour, time.Since(start))
	})
}

func TestTheDefaultIsThreeAttemptsAndBackoffsFifteenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := 0, 0
		_, err := retry.Do(t.Context(), retry.Config{}, func(context.Context) (int, error) { ours++; return 0, errDown })
		assert.ErrorIs(t, err, retry.ErrExhausted)
		start := time.Now()
		_, err = backoff.Retry(t.Context(), func() (int, error) { theirs++; return 0, errDown })
		assert.ErrorIs(t, err, backoff.ErrMaxElapsedTime)
		assert.Equal(t, 3, ours)
		assert.Greater(t, theirs, 10)
		assert.InDelta(t, 15*time.Minute, time.Since(start), float64(90*time.Second), "less than a delay before the end")
	})
	b := backoff.NewExponentialBackOff()
	assert.Equal(t, []any{500 * time.Millisecond, time.Minute, 1.5, 0.5},
		[]any{b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor})
}

func TestAFinalErrorIsUntouchedAndBackoffWrapsIt(t *testing.T) {
	_, err := retry.Do(t.Context(), retry.Config{}, func(context.Context) (int, error) { return 0, retry.Permanent(errDown) })
	assert.Equal(t, errDown, err)
	_, err = backoff.Retry(t.Context(), func() (int, error) { return 0, backoff.Permanent(errDown) })
	assert.NotEqual(t, errDown, err)
	assert.ErrorIs(t, err, errDown)
}

func TestACancelIsNotRetriedAndBackoffRetriesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := fail(t.Context(), context.Canceled, 1)
		assert.Equal(t, 1, r.ours)
		assert.Equal(t, 3, r.theirs)
	})
}

func TestACancelInTheLastAttemptIsTheReason(t *testing.T) {
	both := func(run func(ctx context.Context, attempt func() error) error) error {
		ctx, cancel := context.WithCancel(t.Context())
		return run(ctx, func() error { cancel(); return errDown })
	}
	w := work{delay: 1, tries: 1}
	ours, theirs := both(w.ours), both(w.theirs)
	assert.ErrorIs(t, ours, context.Canceled)
	assert.NotErrorIs(t, ours, retry.ErrExhausted)
	assert.ErrorIs(t, theirs, backoff.ErrExhausted)
	assert.False(t, errors.Is(theirs, context.Canceled))
}
