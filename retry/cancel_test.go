package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestTheReasonOfACancelledDelayIsTheCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(100*time.Millisecond, func() { cancel(cause) })
		_, err := retry.Do(ctx, retry.Config{}, func(context.Context) (int, error) { return 0, errDown })
		var ended *retry.Error
		require.ErrorAs(t, err, &ended)
		assert.Equal(t, cause, ended.Reason)
	})
}

func TestAnAttemptThatReturnsTheCallersCancelEndsWithItsCause(t *testing.T) {
	cause := errors.New("shutting down")
	for name, cfg := range map[string]retry.Config{"by default": {}, "even if RetryIf returns false": {RetryIf: func(error) bool { return false }}} {
		ctx, cancel := context.WithCancelCause(t.Context())
		_, err := retry.Do(ctx, cfg, func(ctx context.Context) (int, error) {
			cancel(cause)
			return 0, ctx.Err()
		})
		var ended *retry.Error
		require.ErrorAs(t, err, &ended, name)
		assert.Equal(t, cause, ended.Reason, name)
		assert.Equal(t, context.Canceled, ended.Last, name)
	}
}

// shutdown is an error whose methods panic if it is nil.
type shutdown struct{ by error }

func (s *shutdown) Error() string { return s.by.Error() }
func (s *shutdown) Unwrap() error { return s.by }

func TestACauseThatIsANilPointerIsNoReason(t *testing.T) {
	for when, inAttempt := range map[string]bool{"in an attempt": true, "before a delay": false} {
		ctx, cancel := context.WithCancelCause(t.Context())
		leave := func(now bool) {
			if now {
				cancel((*shutdown)(nil))
			}
		}
		cfg := retry.Config{OnRetry: func(context.Context, policy.Event) { leave(!inAttempt) }}
		_, err := retry.Do(ctx, cfg, func(context.Context) (int, error) {
			leave(inAttempt)
			return 0, errDown
		})
		var ended *retry.Error
		require.ErrorAs(t, err, &ended, when)
		assert.Equal(t, context.Canceled, ended.Reason, when)
	}
}

func TestAFinalErrorIsReturnedEvenAfterACancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := retry.Do(ctx, retry.Config{RetryIf: func(error) bool { return false }}, func(context.Context) (int, error) {
		cancel()
		return 0, errDown
	})
	assert.Equal(t, errDown, err)
}

func TestAnErrorNamesTheCauseOfTheCancelOnce(t *testing.T) {
	left := errors.New("user left")
	for want, last := range map[string]error{
		"retry: stopped after 1 attempt: user left":                               left,
		"retry: stopped after 1 attempt: user left: last error: context canceled": context.Canceled,
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		_, err := retry.Do(ctx, retry.Config{RetryIf: func(error) bool { return true }}, func(context.Context) (int, error) {
			cancel(left)
			return 0, last
		})
		assert.EqualError(t, err, want)
		assert.ErrorIs(t, err, left)
		assert.ErrorIs(t, err, context.Canceled)
	}
	assert.EqualError(t, &retry.Error{Attempts: 2}, "retry: stopped after 2 attempts in 0s: <nil>")
}

func TestACancelInTheLastAttemptIsTheReason(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := retry.Do(ctx, retry.Config{MaxAttempts: 1}, func(context.Context) (int, error) { cancel(); return 0, errDown })
	var ended *retry.Error
	require.ErrorAs(t, err, &ended)
	assert.Equal(t, context.Canceled, ended.Reason)
	assert.Equal(t, errDown, ended.Unwrap())
	assert.Zero(t, ended.RetryAfter(), "no error asked for a delay")
}
