package policy_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// asking is an error with a hint.
type asking struct {
	d     time.Duration
	inner error
}

func (a *asking) Error() string             { return "asking" }
func (a *asking) Unwrap() error             { return a.inner }
func (a *asking) RetryAfter() time.Duration { return a.d }

func TestRetryAfterPrefersTheErrorsOwnHintThenTheLongest(t *testing.T) {
	short, long := &asking{d: time.Second}, &asking{d: time.Minute}
	var none *asking
	for name, c := range map[string]struct {
		err  error
		want time.Duration
	}{
		"nil":                              {nil, 0},
		"none":                             {errDown, 0},
		"its own":                          {&asking{d: time.Second, inner: long}, time.Second},
		"its own is zero":                  {&asking{inner: long}, 0},
		"negative":                         {&asking{d: -time.Second}, 0},
		"wrapped":                          {fmt.Errorf("wrapped: %w", short), time.Second},
		"the longest of a join":            {errors.Join(short, errDown, long), time.Minute},
		"the longest of a join in a chain": {fmt.Errorf("wrapped: %w", errors.Join(short, fmt.Errorf("%w", long))), time.Minute},
		"a nil pointer":                    {none, 0},
		"a nil pointer in a join":          {errors.Join(none, short), time.Second},
		"a mark":                           {retry.After(long, time.Second), time.Second},
		"a mark of something else":         {retry.Permanent(long), time.Minute},
		"a mark on a mark":                 {breaker.Judge(retry.After(errDown, time.Second), policy.Success), time.Second},
		"a wrapped mark":                   {fmt.Errorf("wrapped: %w", retry.After(errDown, time.Second)), time.Second},
		"exactly":                          {retry.Exactly(errDown, time.Second), time.Second},
		"a newer hint":                     {retry.After(retry.After(errDown, time.Hour), time.Second), time.Second},
	} {
		d, ok := policy.RetryAfter(c.err)
		assert.Equal(t, c.want, d, name)
		assert.Equal(t, c.want > 0, ok, name)
	}
}

func TestAnyErrorAfterTheCallersCancelIsACancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	driver := errors.New("pq: canceling statement due to user request")
	assert.False(t, ending.Canceled(ctx, driver))
	cancel()
	assert.True(t, ending.Canceled(ctx, driver))
	assert.False(t, ending.Canceled(ctx, nil))
	asked := false
	f := policy.Fallback(func(context.Context, error) (int, error) { asked = true; return 7, nil })
	live, stop := context.WithCancel(t.Context())
	_, err := f.Do(live, func(context.Context) (int, error) { stop(); return 0, driver })
	assert.Equal(t, driver, err)
	assert.False(t, asked, "the caller has left")
}

// slice is an error whose type cannot be compared.
type slice []string

func (s slice) Error() string { return fmt.Sprint([]string(s)) }

func TestAFallbackThatDeclinesReturnsTheErrorUnchanged(t *testing.T) {
	declines := policy.Fallback(func(_ context.Context, err error) (int, error) { return 0, err })
	for _, err := range []error{errDown, slice{"a", "b"}, fmt.Errorf("wrapped: %w", errDown)} {
		_, got := declines.Do(t.Context(), fail(err))
		assert.Equal(t, err, got)
	}
}

func TestAFailedFallbackMatchesErrRejectedOnlyIfBothFailuresDo(t *testing.T) {
	refused := fmt.Errorf("full: %w", policy.ErrRejected)
	for _, c := range []struct {
		fallback, call error
		want           bool
	}{
		{refused, errDown, false}, {errDown, refused, false}, {refused, refused, true}, {errDown, errors.New("x"), false},
	} {
		f := policy.Fallback(func(context.Context, error) (int, error) { return 0, fmt.Errorf("stale: %w", c.fallback) })
		_, err := f.Do(t.Context(), fail(fmt.Errorf("call: %w", c.call)))
		assert.Equal(t, c.want, errors.Is(err, policy.ErrRejected), "%v", err)
		for _, part := range []error{c.fallback, c.call} {
			if !errors.Is(part, refused) {
				assert.ErrorIs(t, err, part)
			}
		}
	}
	open := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	open.Trip(time.Hour, "test")
	f := policy.Fallback(func(context.Context, error) (int, error) { return 0, errDown })
	_, err := f.Do(t.Context(), func(ctx context.Context) (int, error) {
		return breaker.Do(ctx, open, func(context.Context) (int, error) { return 1, nil })
	})
	var refusal *breaker.OpenError
	assert.ErrorAs(t, err, &refusal)
	assert.ErrorIs(t, err, breaker.ErrOpen)
	assert.NotErrorIs(t, err, policy.ErrRejected, "the fallback has run")
	d, _ := policy.RetryAfter(err)
	assert.Positive(t, d)
}

func TestEndedDoesNotMatchErrRejectedForARejectedCause(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := fmt.Errorf("shutting down: %w", policy.ErrRejected)
	cancel(cause)
	err := policy.Ended(ctx)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, cause)
	assert.NotErrorIs(t, err, policy.ErrRejected)
}

func TestAFailedFallbackKeepsTheMarksOfBothErrors(t *testing.T) {
	permanent, plain := retry.Permanent(errDown), error(slice{"x"})
	refused := retry.Permanent(policy.ErrRejected)
	for name, c := range map[string]struct{ fallback, call error }{
		"the fallback's":               {permanent, plain},
		"the call's":                   {plain, permanent},
		"the fallback's, both refused": {refused, policy.ErrRejected},
		"the call's, both refused":     {&asking{inner: policy.ErrRejected}, refused},
	} {
		f := policy.Fallback(func(context.Context, error) (int, error) { return 0, c.fallback })
		_, err := f.Execute(t.Context(), policy.CallOf(fail(c.call)))
		assert.True(t, mark.Permanent(err), name)
	}
}

func TestAFailedFallbackMatchesNothingElse(t *testing.T) {
	for _, failed := range []error{errDown, policy.ErrRejected} {
		f := policy.Fallback(func(context.Context, error) (int, error) { return 0, failed })
		for _, call := range []error{slice{"x"}, policy.ErrRejected} {
			_, err := f.Do(t.Context(), fail(call))
			assert.NotErrorIs(t, err, context.Canceled)
		}
	}
}
