package retry_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestEveryBackoffPanicsOnANegativeDuration(t *testing.T) {
	for name, make := range map[string]func(base, limit time.Duration) retry.Backoff{
		"Linear":       retry.Linear,
		"Exponential":  func(base, limit time.Duration) retry.Backoff { return retry.Exponential(base, limit, 2) },
		"Fibonacci":    retry.Fibonacci,
		"FullJitter":   retry.FullJitter,
		"EqualJitter":  retry.EqualJitter,
		"Decorrelated": retry.Decorrelated,
	} {
		assert.PanicsWithValue(t, fmt.Sprintf("retry: %s: base is -1ns, want 0 or more", name), func() { make(-1, 1) })
		assert.PanicsWithValue(t, fmt.Sprintf("retry: %s: max is -1ns, want 0 or more", name), func() { make(1, -1) })
		assert.NotPanics(t, func() { make(0, 0) }, name)
	}
}

func TestSequenceKeepsACopyOfItsDelays(t *testing.T) {
	delays := []time.Duration{time.Second}
	b := retry.Sequence(delays...)
	delays[0] = time.Hour
	assert.Equal(t, time.Second, b(retry.Step{Attempt: 1}))
}

func TestAFactorOfOneIsConstant(t *testing.T) {
	b := retry.Exponential(time.Second, time.Minute, 1)
	assert.Equal(t, time.Second, b(retry.Step{Attempt: 9}))
	assert.Panics(t, func() { retry.Exponential(1, 1, math.Inf(1)) })
	assert.NoError(t, retry.Config{Multiplier: 1}.Validate())
}

func TestAnAttemptBelowOneIsTreatedAsTheFirst(t *testing.T) {
	step := retry.Step{Attempt: 0, Rand: func() float64 { return 0.5 }}
	for want, b := range map[time.Duration]retry.Backoff{
		time.Second:     retry.Linear(time.Second, time.Minute),
		2 * time.Second: retry.Exponential(2*time.Second, time.Minute, 2),
		3 * time.Second: retry.Fibonacci(3*time.Second, time.Minute),
		4 * time.Second: retry.FullJitter(8*time.Second, time.Minute),
		6 * time.Second: retry.EqualJitter(8*time.Second, time.Minute),
		7 * time.Second: retry.Sequence(7*time.Second, 0),
	} {
		assert.Equal(t, want, b(step))
	}
}

func TestBackoffsAreExactToTheNanosecond(t *testing.T) {
	for want, b := range map[string]retry.Backoff{
		"[1ns 1ns 2ns 3ns 5ns 8ns 8ns]":    retry.Fibonacci(1, 8),
		"[1ns 2ns 3ns 4ns 5ns 6ns 7ns]":    retry.Linear(1, 9),
		"[1ns 2ns 4ns 8ns 16ns 32ns 40ns]": retry.Exponential(1, 40, 2),
		"[0s 0s 0s 0s 0s 0s 0s]":           retry.Exponential(0, 40, 2),
	} {
		var all []time.Duration
		for n := range 7 {
			all = append(all, b(retry.Step{Attempt: n + 1}))
		}
		assert.Equal(t, want, fmt.Sprint(all))
	}
}

func TestTheBoundsOfABudgetConfigAreAllowed(t *testing.T) {
	for _, cfg := range []retry.BudgetConfig{
		{}, {Ratio: 1000}, {MinPerSecond: 1e9}, {Window: 10},
	} {
		assert.NoError(t, cfg.Validate(), "%+v", cfg)
	}
	for _, cfg := range []retry.BudgetConfig{
		{Ratio: 1000.5}, {Ratio: math.NaN()}, {MinPerSecond: 1e9 + 1}, {MinPerSecond: math.NaN()}, {Window: -1}, {Window: 1}, {Window: 9},
	} {
		assert.Error(t, cfg.Validate(), "%+v", cfg)
	}
}

func TestABudgetGrantsATenthOfTheCallsAndTenASecondByDefault(t *testing.T) {
	clk := fake.NewClock()
	cfg := retry.Config{MaxAttempts: 500, Backoff: retry.Constant(0), Clock: clk}
	cfg.Budget = retry.NewBudget(retry.BudgetConfig{Clock: clk})
	for range 9 {
		_, err := retry.Do(t.Context(), cfg, fake.NewFunc[int]().Return(1).Do)
		require.NoError(t, err)
	}
	spend := func() int {
		f := fake.NewFunc[int]().Fail(errDown)
		_, err := retry.Do(t.Context(), cfg, f.Do)
		require.ErrorIs(t, err, retry.ErrBudget)
		return f.Calls() - 1
	}
	assert.Equal(t, 101, spend(), "10 s of 10 per second, and a tenth of 10 calls")
	assert.Zero(t, spend())
	clk.Advance(10*time.Second - 1)
	assert.Zero(t, spend())
	clk.Advance(1)
	assert.Equal(t, 100, spend())
}

func TestTheBoundsOfAConfigAreAllowed(t *testing.T) {
	for _, cfg := range []retry.Config{
		{JitterFactor: 1}, {BaseDelay: 2, MaxDelay: 2}, {BaseDelay: 2, MaxDelay: 1, Backoff: retry.Constant(0)},
		{MaxAttempts: retry.Unlimited}, {MaxElapsed: 1}, {MaxRetryAfter: 1}, {BaseDelay: retry.NoDelay}, {KeepErrors: 64},
	} {
		assert.NoError(t, cfg.Validate(), "%+v", cfg)
	}
	for _, cfg := range []retry.Config{
		{Multiplier: 0.5}, {Multiplier: -1}, {Multiplier: math.Inf(1)}, {Multiplier: math.Inf(-1)},
		{JitterFactor: -0.5}, {JitterFactor: math.NaN()}, {BaseDelay: 2, MaxDelay: 1}, {BaseDelay: -2}, {KeepErrors: -1}, {KeepErrors: 65},
	} {
		assert.Error(t, cfg.Validate(), "%+v", cfg)
	}
}

// setting is a clock that can be set forward and back.
type setting struct {
	policy.Clock
	off      time.Duration
	readings []time.Duration // added to the next readings, as if their caller had been descheduled since
}

func (s *setting) Now() time.Time {
	now := s.Clock.Now().Add(s.off)
	if len(s.readings) > 0 {
		now, s.readings = now.Add(s.readings[0]), s.readings[1:]
	}
	return now
}

// spent makes failing calls until b refuses a retry, and returns how many it granted.
func spent(t *testing.T, b *retry.Budget) int {
	t.Helper()
	f := fake.NewFunc[int]().Fail(errDown)
	_, err := retry.Do(t.Context(), retry.Config{MaxAttempts: 500, Backoff: retry.Constant(0), Budget: b}, f.Do)
	require.ErrorIs(t, err, retry.ErrBudget)
	return f.Calls() - 1
}

func TestABudgetStartsAnewIfItsClockIsSetFarBack(t *testing.T) {
	for name, to := range map[string]time.Duration{
		"to the beginning":        0,
		"to before the beginning": -2 * time.Second,
		"to far before it":        -1000 * time.Hour,
	} {
		clk := &setting{Clock: fake.NewClock()}
		budget := retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: 1, Clock: clk})
		clk.off = time.Hour
		assert.Equal(t, 10, spent(t, budget), name)
		clk.off = to
		assert.Equal(t, 10, spent(t, budget), name)
		clk.off += 10*time.Second - 1
		assert.Zero(t, spent(t, budget), name)
		clk.off += time.Second
		assert.Equal(t, 10, spent(t, budget), "%s: the window rolls again", name)
	}
}

func TestABudgetGrantsNothingTwiceIfItsClockIsSetBackByTwoWindows(t *testing.T) {
	clk := &setting{Clock: fake.NewClock(), off: time.Hour}
	budget := retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: 1, Clock: clk})
	assert.Equal(t, 10, spent(t, budget))
	clk.off -= 20 * time.Second
	assert.Zero(t, spent(t, budget))
	clk.off--
	assert.Equal(t, 10, spent(t, budget))
}

func TestADescheduledCallerDoesNotOverdrawABudget(t *testing.T) {
	clk := &setting{Clock: fake.NewClock()}
	budget := retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: 1, Clock: clk})
	clk.off = time.Hour
	assert.Equal(t, 10, spent(t, budget))
	clk.readings = []time.Duration{-time.Hour, 0, -time.Hour} // of the call, and of its retry
	assert.Zero(t, spent(t, budget))
}

func TestAZeroBudgetIsRefused(t *testing.T) {
	cfg := retry.Config{Budget: &retry.Budget{}}
	want := "retry: Config.Budget is a zero Budget, want one made by NewBudget"
	assert.EqualError(t, cfg.Validate(), want)
	assert.PanicsWithError(t, want, func() { retry.New[int](cfg) })
	assert.PanicsWithError(t, want, func() { _, _ = retry.Do(t.Context(), cfg, fake.NewFunc[int]().Do) })
}

func TestElapsedIsZeroOnAClockThatIsSetBack(t *testing.T) {
	clk := &setting{Clock: fake.NewClock(fake.AutoAdvance())}
	rec := fake.NewRecorder()
	p := pipeline.New(retry.New[int](retry.Config{Clock: clk, MaxElapsed: time.Minute, JitterFactor: retry.NoJitter})).WithObserver(rec.Observe)
	_, err := p.Do(t.Context(), func(context.Context) (int, error) {
		clk.off -= time.Hour
		return 0, errDown
	})
	assert.EqualError(t, err, "retry: gave up after 3 attempts in 0s: retry: attempts exhausted: last error: down")
	for _, e := range rec.Events() {
		assert.Zero(t, e.Elapsed, e.Kind)
	}
}

func TestABackoffsDelaysAreUsedUnchanged(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	_, err := retry.Do(t.Context(), retry.Config{
		Backoff: retry.Constant(time.Minute), BaseDelay: 1, MaxDelay: time.Second, Multiplier: 3, JitterFactor: 0.5, Clock: clk,
	}, fake.NewFunc[int]().Fail(errDown).Do)
	require.ErrorIs(t, err, retry.ErrExhausted)
	assert.Equal(t, []time.Duration{time.Minute, time.Minute}, clk.Sleeps())
}

func TestTheFirstAttemptCountsTowardsMaxElapsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		_, err := retry.Do(t.Context(), retry.Config{MaxElapsed: 1, Backoff: retry.Constant(0)}, func(context.Context) (int, error) {
			calls++
			time.Sleep(time.Second)
			return 0, errDown
		})
		require.ErrorIs(t, err, retry.ErrElapsed)
		assert.Equal(t, 1, calls)
	})
}

func TestWithDefaultsSetsOnlyTheZeroFields(t *testing.T) {
	assert.Equal(t, retry.Config{
		MaxAttempts: 3, BaseDelay: 500 * time.Millisecond, MaxDelay: 4 * time.Second, Multiplier: 2, JitterFactor: 0.1, MaxRetryAfter: 30 * time.Second,
	}, retry.Config{}.WithDefaults())
	set := retry.Config{
		Name: "set", MaxAttempts: retry.Unlimited, BaseDelay: retry.NoDelay, MaxDelay: time.Second, Multiplier: 3, JitterFactor: retry.NoJitter, MaxRetryAfter: 1,
	}
	assert.Equal(t, set, set.WithDefaults())
	assert.Equal(t, time.Minute, retry.Config{BaseDelay: time.Minute}.WithDefaults().MaxDelay)
	assert.Equal(t, time.Millisecond, retry.Config{MaxDelay: time.Millisecond}.WithDefaults().BaseDelay)
}
