package ratelimit_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

func TestRefusalCountsTheDelayAgainstTheDeadline(t *testing.T) {
	clk := fake.NewClock()
	ctx, cancel := clk.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for _, c := range []struct {
		due, after time.Duration
		refused    bool
	}{
		{5*time.Second - 1, 0, false},
		{5*time.Second - 1, 3 * time.Second, false},
		{5 * time.Second, 3 * time.Second, true}, // its context ends when the token is due
		{6 * time.Second, 3 * time.Second, true},
		{6 * time.Second, 5*time.Second - 1, true},
		{6 * time.Second, 5 * time.Second, false}, // there is no call after the deadline
	} {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: c.due, Burst: ratelimit.NoBurst, MaxWait: -1, Clock: clk})
		require.True(t, l.Allow(1))
		err := ratelimit.New[int](l).Refusal(ctx, c.after)
		if c.refused {
			assert.ErrorIs(t, err, ratelimit.ErrExceeded, "%+v", c)
		} else {
			assert.NoError(t, err, "%+v", c)
		}
	}
}

// After the delay, less time is left until the deadline than until the token is due.
func TestARetryDoesNotSleepBeforeARefusalByItsDeadline(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: 6 * time.Second, Burst: ratelimit.NoBurst, MaxWait: -1, Clock: clk})
	ctx, cancel := clk.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	r := retry.New[int](retry.Config{Clock: clk, BaseDelay: 2 * time.Second, JitterFactor: retry.NoJitter})
	_, err := pipeline.New[int](r, ratelimit.New[int](l)).Do(ctx, fake.NewFunc[int]().Fail(errDown).Do)
	require.ErrorIs(t, err, errDown)
	var ended *retry.Error
	require.ErrorAs(t, err, &ended)
	require.ErrorIs(t, ended.Reason, ratelimit.ErrExceeded)
	assert.Empty(t, clk.Sleeps())
	assert.Zero(t, l.Snapshot().Rejected, "no attempt was refused")
}

func TestRefusalOfASpeculativeAttemptIsThatOfAnyWait(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: ratelimit.NoBurst, MaxWait: -1, Clock: clk})
	require.True(t, l.Allow(1))
	p := ratelimit.New[int](l)
	extra := policy.WithSpeculative(t.Context())
	assert.ErrorIs(t, p.Refusal(extra, time.Second-1), ratelimit.ErrExceeded)
	assert.NoError(t, p.Refusal(extra, time.Second))
	assert.NoError(t, p.Refusal(t.Context(), 0))
}

// The token comes after the refusal, and before the retry asks when to come back.
func TestARefusalWhoseTokenHasComeIsRetried(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: ratelimit.NoBurst, Clock: clk})
	require.True(t, l.Allow(1))
	r := retry.New[int](retry.Config{RetryRejected: true, BaseDelay: retry.NoDelay})
	p := pipeline.New[int](r, ratelimit.New[int](l)).WithObserver(func(context.Context, policy.Event) { clk.Advance(time.Second) }, policy.Rejected)
	v, err := p.Do(t.Context(), succeed)
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	assert.EqualValues(t, 1, l.Snapshot().Rejected)

	// Without RetryRejected it is final.
	_, err = pipeline.New[int](retry.New[int](retry.Config{}), ratelimit.New[int](l)).Do(t.Context(), succeed)
	require.ErrorIs(t, err, ratelimit.ErrExceeded)
	assert.NotErrorIs(t, err, retry.ErrGaveUp)
}

// The token comes after the retry has foreseen the refusal, and before it asks for the time.
func TestAForeseenRefusalWhoseTokenHasComeEndsNoRetry(t *testing.T) {
	clk := newStaged()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: ratelimit.NoBurst, Clock: clk})
	r := retry.New[int](retry.Config{RetryRejected: true, BaseDelay: retry.NoDelay})
	attempts := 0
	v, err := pipeline.New[int](r, ratelimit.New[int](l)).Do(t.Context(), func(context.Context) (int, error) {
		if attempts++; attempts == 1 {
			clk.readings = []reading{{then: func() { clk.Advance(time.Second) }}}
			return 0, errDown
		}
		return 42, nil
	})
	require.NoError(t, err)
	assert.Equal(t, 42, v)
	assert.Zero(t, l.Snapshot().Rejected)
}
