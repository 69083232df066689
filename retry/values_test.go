package retry_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestTheLastValueIsReturnedIfTheRetryEndsDuringTheDelay(t *testing.T) {
	for _, discards := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		r := retry.New[int](retry.Config{OnRetry: func(context.Context, policy.Event) { cancel() }})
		want := 7
		if discards {
			r, want = r.WithDiscard(func(int) {}), 0
		}
		v, err := r.Do(ctx, func(context.Context) (int, error) { return 7, errDown })
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, want, v, "discarded: %v", discards)
	}
}

// panickingClock is a clock whose Sleep panics.
type panickingClock struct{ *fake.Clock }

func (panickingClock) Sleep(context.Context, time.Duration) error { panic("boom") }

func TestAValueIsDiscardedOnceIfTheClockPanics(t *testing.T) {
	var discarded []int
	r := retry.New[int](retry.Config{Clock: panickingClock{fake.NewClock()}}).WithDiscard(func(v int) { discarded = append(discarded, v) })
	assert.False(t, contained(func() {
		_, _ = r.Do(t.Context(), func(context.Context) (int, error) { return 7, errDown })
	}))
	assert.Equal(t, []int{7}, discarded)
}

func TestARejectedValueHasNoError(t *testing.T) {
	for keep, want := range map[int][]error{0: nil, 2: {errDown}} {
		clk := fake.NewClock(fake.AutoAdvance())
		r := retry.New[int](retry.Config{Clock: clk, KeepErrors: keep}).WithCondition(func(v int, err error) bool { return err != nil || v < 0 })
		_, err := r.Do(t.Context(), fake.NewFunc[int]().Return(-1).Fail(errDown).Return(-2).Do)
		var ended *retry.Error
		require.ErrorAs(t, err, &ended)
		assert.Equal(t, want, ended.Errs, "KeepErrors %d", keep)
		assert.NoError(t, ended.Last)
		assert.NotContains(t, err.Error(), "last error")
	}
}

func TestARejectedValueIsOneOfTheLastAttempts(t *testing.T) {
	for keep, want := range map[int][]error{1: nil, 2: nil, 3: {errDown}, 4: {errDown, errDown}} {
		clk := fake.NewClock(fake.AutoAdvance())
		r := retry.New[int](retry.Config{MaxAttempts: 4, Clock: clk, KeepErrors: keep}).WithCondition(func(v int, err error) bool { return err != nil || v < 0 })
		_, err := r.Do(t.Context(), fake.NewFunc[int]().Fail(errDown, errDown).Return(-1).Do)
		var ended *retry.Error
		require.ErrorAs(t, err, &ended)
		assert.Equal(t, want, ended.Errs, "KeepErrors %d", keep)
	}
}
