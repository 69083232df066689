package retry_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestConcurrentCallsBeginWithTheFirstDelay(t *testing.T) {
	var mu sync.Mutex
	first := map[any][]time.Duration{}
	type call struct{}
	r := retry.New[int](retry.Config{
		BaseDelay: 1, MaxDelay: 8, JitterFactor: retry.NoJitter, MaxAttempts: 4,
		OnRetry: func(ctx context.Context, e policy.Event) {
			mu.Lock()
			defer mu.Unlock()
			first[ctx.Value(call{})] = append(first[ctx.Value(call{})], e.Delay)
		},
	})
	var wg, begun sync.WaitGroup
	begun.Add(50)
	for n := range 50 {
		wg.Go(func() {
			ctx := context.WithValue(context.Background(), call{}, n)
			_, _ = r.Do(ctx, func(ctx context.Context) (int, error) {
				if retry.Attempt(ctx) == 1 { // wait for the others
					begun.Done()
					begun.Wait()
				}
				return 0, errDown
			})
		})
	}
	wg.Wait()
	require.Len(t, first, 50)
	for n, delays := range first {
		assert.Equal(t, []time.Duration{1, 2, 4}, delays, "call %v", n)
	}
}

func TestOnlyTheLastErrorIsKeptByDefault(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	var errs []error
	for n := range 100 {
		errs = append(errs, fmt.Errorf("attempt %d failed", n+1))
	}
	_, err := retry.Do(t.Context(), retry.Config{MaxAttempts: 100, Clock: clk}, fake.NewFunc[int]().Fail(errs...).Do)
	assert.ErrorIs(t, err, errs[99])
	for _, early := range errs[:99] {
		assert.NotErrorIs(t, err, early)
	}
}

func TestConstructorsPanicOnInvalidArguments(t *testing.T) {
	for want, make := range map[string]func(){
		"retry: Constant: d is -1ns, want 0 or more":                   func() { retry.Constant(-1) },
		"retry: Sequence: no delays, want at least one":                func() { retry.Sequence() },
		"retry: Sequence: delay 2 is -1ns, want 0 or more":             func() { retry.Sequence(1, -1) },
		"retry: Linear: base is -1ns, want 0 or more":                  func() { retry.Linear(-1, 1) },
		"retry: Exponential: factor is 0.5, want 1 or more and finite": func() { retry.Exponential(1, 1, 0.5) },
		"retry: Fibonacci: max is -1ns, want 0 or more":                func() { retry.Fibonacci(1, -1) },
		"retry: Retry.WithCondition: match is nil, want a function":    func() { retry.New[int](retry.Config{}).WithCondition(nil) },
		"retry: Retry.WithDiscard: fn is nil, want a function":         func() { retry.New[int](retry.Config{}).WithDiscard(nil) },
		"retry: Retry.Do: fn is nil, want a function":                  func() { _, _ = retry.Do[int](t.Context(), retry.Config{}, nil) },
	} {
		assert.PanicsWithValue(t, want, make)
	}
	for want, cfg := range map[string]retry.BudgetConfig{
		"retry: BudgetConfig.Ratio is -1, want 0 to 1000":                          {Ratio: -1},
		"retry: BudgetConfig.MinPerSecond is -2, want NoMinimum (-1), or 0 to 1e9": {MinPerSecond: -2},
		"retry: BudgetConfig.Window is 3ns, want 0, or at least 10ns":              {Window: 3},
	} {
		assert.EqualError(t, cfg.Validate(), want)
		assert.PanicsWithError(t, want, func() { retry.NewBudget(cfg) })
	}
}

func TestAMarkReadsAsTheErrorItMarks(t *testing.T) {
	permanent, after := retry.Permanent(errDown), retry.After(errDown, time.Second)
	assert.EqualError(t, permanent, "down")
	assert.EqualError(t, after, "down")
	assert.ErrorIs(t, permanent, errDown)
	assert.ErrorIs(t, after, errDown)
	assert.NoError(t, retry.Permanent(nil))
	assert.NoError(t, retry.After(nil, time.Second))
}

func TestMethodsOfANilErrorDoNotPanic(t *testing.T) {
	var e *retry.Error
	assert.Equal(t, "<nil>", e.Error())
	assert.NotErrorIs(t, error(e), errDown)
}

func TestStringShowsTheAttempts(t *testing.T) {
	assert.Equal(t, "retry(4)", retry.New[int](retry.Config{MaxAttempts: 4}).String())
	assert.Equal(t, "retry(unlimited)", retry.New[int](retry.Config{MaxAttempts: retry.Unlimited}).String())
}

func TestUnlimitedEndsWithTheContext(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	ctx, cancel := clk.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := retry.Do(ctx, retry.Config{MaxAttempts: retry.Unlimited, Clock: clk}, fake.NewFunc[int]().Fail(errDown).Do)
	assert.ErrorIs(t, err, retry.ErrDeadline)
	assert.ErrorIs(t, err, errDown)
}

// brokenClock is a clock whose Sleep fails.
type brokenClock struct{ *fake.Clock }

func (brokenClock) Sleep(context.Context, time.Duration) error { return errDown }

func TestAClockThatCannotSleepEndsTheRetry(t *testing.T) {
	errBusy := errors.New("busy")
	f := fake.NewFunc[int]().Fail(errBusy)
	_, err := retry.Do(t.Context(), retry.Config{Clock: brokenClock{fake.NewClock()}}, f.Do)
	assert.ErrorIs(t, err, errDown)
	assert.ErrorIs(t, err, errBusy)
	assert.Equal(t, 1, f.Calls())
}
