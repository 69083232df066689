package retry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// exhausted returns the error of a retry whose second and last attempt is rejected with
// a hint of 10 s.
func exhausted(t *testing.T) (err, refused error) {
	t.Helper()
	clk := fake.NewClock(fake.AutoAdvance())
	refused = fmt.Errorf("busy: %w", &refusal{10 * time.Second})
	r := retry.New[int](retry.Config{Clock: clk, MaxAttempts: 2, RetryRejected: true})
	_, err = through(t, r, each(func(ctx context.Context, next policy.Call[int]) (int, error) {
		if retry.Attempt(ctx) == 2 {
			return 0, refused
		}
		return next.Do(ctx)
	}), fail(errDown))
	return err, refused
}

func TestAnErrorMatchesTheRejectionOfItsLastAttempt(t *testing.T) {
	err, refused := exhausted(t)
	require.ErrorIs(t, err, retry.ErrExhausted)
	assert.ErrorIs(t, err, refused)
	var found *refusal
	assert.ErrorAs(t, err, &found)
	assert.ErrorIs(t, err, errDown)
	assert.NotErrorIs(t, err, policy.ErrRejected, "the function has run")
}

func TestAnErrorFindsWhatEndedItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := retry.Do(endedBy{ctx, context.DeadlineExceeded}, retry.Config{}, func(context.Context) (int, error) {
		cancel(errors.New("too late"))
		return 0, errDown
	})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var timeout interface{ Timeout() bool }
	assert.ErrorAs(t, err, &timeout)
	var other *refusal
	assert.False(t, errors.As(err, &other))
	assert.False(t, (*retry.Error)(nil).As(&other))
}

// endedBy is a context that ends with an error of its own.
type endedBy struct {
	context.Context
	err error
}

func (e endedBy) Err() error {
	if e.Context.Err() != nil {
		return e.err
	}
	return nil
}

func TestAnOuterRetryFollowsTheHintOfAFailureAndThatOfARejectionOnlyIfItWaitsForThem(t *testing.T) {
	rejected, _ := exhausted(t)
	clk := fake.NewClock(fake.AutoAdvance())
	inner := retry.New[int](retry.Config{Clock: clk, MaxAttempts: 2, MaxRetryAfter: 20 * time.Second, BaseDelay: retry.NoDelay})
	_, foreseen := through(t, inner, refusing(10*time.Second), fail(errDown))
	require.ErrorIs(t, foreseen, errDown)
	require.NotErrorIs(t, foreseen, retry.ErrExhausted)
	_, failed := inner.Do(t.Context(), fail(retry.After(errDown, 10*time.Second)))
	require.ErrorIs(t, failed, retry.ErrExhausted)
	for name, c := range map[string]struct {
		err   error
		waits bool // RetryRejected
		want  time.Duration
	}{
		"a failure":                        {failed, false, 10 * time.Second},
		"a rejection":                      {rejected, false, 500 * time.Millisecond},
		"a foreseen rejection":             {foreseen, false, 500 * time.Millisecond},
		"a rejection, waited for":          {rejected, true, 10 * time.Second},
		"a foreseen rejection, waited for": {foreseen, true, 10 * time.Second},
	} {
		clk := fake.NewClock(fake.AutoAdvance())
		cfg := retry.Config{Clock: clk, JitterFactor: retry.NoJitter, RetryRejected: c.waits}
		_, err := retry.Do(t.Context(), cfg, fake.NewFunc[int]().Fail(c.err).Return(1).Do)
		require.NoError(t, err, name)
		assert.Equal(t, []time.Duration{c.want}, clk.Sleeps(), name)
	}
}

func TestLastIsTheLastRejectionIfEveryAttemptWasRejected(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	full := each(func(ctx context.Context, _ policy.Call[int]) (int, error) {
		return 0, &refusal{time.Duration(retry.Attempt(ctx)) * time.Second}
	})
	_, err := through(t, retry.New[int](retry.Config{Clock: clk, RetryRejected: true}), full, fail(nil))
	var ended *retry.Error
	require.ErrorAs(t, err, &ended)
	assert.Equal(t, &refusal{3 * time.Second}, ended.Last)
	assert.Equal(t, []error{&refusal{3 * time.Second}}, ended.Errs)
}

func TestAWrappedCancelOfAnotherCallIsNotRetried(t *testing.T) {
	f := fake.NewFunc[int]().Fail(fmt.Errorf("query: %w", context.Canceled))
	_, err := retry.Do(t.Context(), retry.Config{}, f.Do)
	assert.EqualError(t, err, "query: context canceled")
	assert.Equal(t, 1, f.Calls())
}

// shortly is a clock whose Sleep fails, and whose caller's context ends at the second
// look after that.
type shortly struct {
	*fake.Clock
	ctx *lateLook
	err error
}

func (s shortly) Sleep(context.Context, time.Duration) error {
	s.ctx.left = 2
	return s.err
}

func TestACancelAfterAFailedSleepIsNotTheReason(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	late, errClock := &lateLook{Context: ctx, cancel: cancel}, errors.New("no sleep")
	_, err := retry.Do(late, retry.Config{Clock: shortly{fake.NewClock(), late, errClock}}, fail(errDown))
	require.Error(t, ctx.Err())
	assert.ErrorIs(t, err, errClock)
	assert.NotErrorIs(t, err, context.Canceled)
}
