package ratelimit_test

import (
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
