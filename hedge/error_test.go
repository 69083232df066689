package hedge_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// full is a rejection with a RetryAfter.
type full struct{ after time.Duration }

func (f *full) Error() string             { return "full" }
func (f *full) Is(target error) bool      { return target == policy.ErrRejected }
func (f *full) RetryAfter() time.Duration { return f.after }

func TestAnErrorMatchesEachOfItsErrors(t *testing.T) {
	rejection := &full{time.Second}
	mixed := error(&hedge.Error{Attempts: 2, Errs: []error{fmt.Errorf("wrapped: %w", errDown), rejection}})
	assert.ErrorIs(t, mixed, errDown)
	assert.ErrorIs(t, mixed, rejection)
	assert.False(t, errors.Is(mixed, policy.ErrRejected), "the function ran")
	got, ok := errors.AsType[*full](mixed)
	assert.True(t, ok)
	assert.Same(t, rejection, got)
	assert.True(t, retry.Retryable(mixed))
	assert.EqualError(t, mixed, "hedge: no success from 2 attempts: wrapped: down; full")
}

func TestTheHintOfARefusedAttemptBesideAFailureIsNotFollowed(t *testing.T) {
	mixed := error(&hedge.Error{Attempts: 2, Errs: []error{errDown, &full{time.Hour}}})
	d, _ := policy.RetryAfter(mixed)
	assert.Zero(t, d)
	mixed = &hedge.Error{Attempts: 3, Errs: []error{retry.After(errDown, time.Second), &full{time.Hour}}}
	d, ok := policy.RetryAfter(mixed)
	assert.True(t, ok)
	assert.Equal(t, time.Second, d)
}

func TestAnErrorIsARejectionIfAllItsErrorsAre(t *testing.T) {
	all := error(&hedge.Error{Attempts: 2, Errs: []error{&full{time.Second}, &full{time.Minute}}})
	assert.ErrorIs(t, all, policy.ErrRejected)
	d, _ := policy.RetryAfter(all)
	assert.Equal(t, time.Minute, d, "the longest RetryAfter")
	var none *hedge.Error
	assert.Equal(t, "<nil>", none.Error())
	assert.Nil(t, none.Unwrap())
	assert.False(t, none.Is(errDown))
	assert.Zero(t, none.RetryAfter())
	assert.EqualError(t, &hedge.Error{Attempts: 1}, "hedge: no success from 1 attempt")
}

func TestIsAndAsFindOnlyRejections(t *testing.T) {
	rejection, panicked := &full{time.Second}, &policy.PanicError{Value: 1}
	mixed := &hedge.Error{Attempts: 2, Errs: []error{panicked, rejection}}
	assert.True(t, mixed.Is(rejection))
	assert.False(t, mixed.Is(panicked), "Unwrap returns it")
	var asRejection *full
	var asPanic *policy.PanicError
	assert.True(t, mixed.As(&asRejection))
	assert.False(t, mixed.As(&asPanic), "Unwrap returns it")
	assert.ErrorAs(t, mixed, &asPanic)
	var none *hedge.Error
	assert.False(t, none.As(&asRejection))
}

func TestACallIsRejectedIfAllItsAttemptsAreRejected(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: ms})
		_, err := h.Do(t.Context(), attempts{after(5*ms, 0, &full{1}), after(ms, 0, &full{2})}.run)
		assert.ErrorIs(t, err, policy.ErrRejected)
		_, err = h.Do(t.Context(), attempts{after(5*ms, 0, errDown), after(ms, 0, &full{2})}.run)
		assert.ErrorIs(t, err, errDown)
		assert.False(t, errors.Is(err, policy.ErrRejected))
	})
}

func TestACallCancelledWhileAttemptsRunIsNotRejected(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*ms)
		defer cancel()
		h := hedge.New[int](hedge.Config{Delay: ms})
		_, err := h.Do(ctx, attempts{after(5*ms, 0, &full{1}), after(time.Second, 0, nil)}.run)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.False(t, errors.Is(err, policy.ErrRejected), "the second attempt may have run the function")
		_, ok := errors.AsType[*full](err)
		assert.True(t, ok)
	})
}

func TestTheErrorOfASingleAttemptIsReturnedAsItIs(t *testing.T) {
	for _, abandon := range []bool{false, true} {
		h := hedge.New[int](hedge.Config{Delay: time.Hour, OnFailure: true, Abandon: abandon, HedgeIf: func(error) bool { return false }})
		v, err := h.Do(t.Context(), after(0, 7, errDown))
		assert.Equal(t, errDown, err)
		assert.Equal(t, 7, v)
	}
}
