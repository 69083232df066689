package retry_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// lateLook is a context that is cancelled by the nth call of its Err method.
type lateLook struct {
	context.Context
	cancel func()
	left   int
}

func (l *lateLook) Err() error {
	if l.left--; l.left == 0 {
		l.cancel()
	}
	return l.Context.Err()
}

// The context is cancelled at each check by the retry in turn. The error must have
// exactly one reason: one of the retry's own, or the end of the context.
func TestALaterCancelDoesNotAddAReason(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	for name, cfg := range map[string]retry.Config{
		"exhausted": {MaxAttempts: 2, Clock: clk},
		"elapsed":   {MaxElapsed: 600 * time.Millisecond, Clock: clk},
		"hint":      {MaxRetryAfter: time.Millisecond, Clock: clk},
		"budget":    {Budget: retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: retry.NoMinimum, Clock: clk}), Clock: clk},
	} {
		for n := 1; n < 20; n++ {
			ctx, cancel := context.WithCancel(t.Context())
			_, err := retry.Do(&lateLook{ctx, cancel, n}, cfg, func(context.Context) (int, error) {
				return 0, retry.After(errDown, 2*time.Millisecond)
			})
			cancel()
			reasons := 0
			for _, reason := range []error{retry.ErrExhausted, retry.ErrElapsed, retry.ErrRetryAfter, retry.ErrBudget, context.Canceled} {
				if errors.Is(err, reason) {
					reasons++
				}
			}
			assert.Equal(t, 1, reasons, "%s, look %d: %v", name, n, err)
		}
	}
}

func TestAnAttemptThatDoesNotBeginGivesItsTokenBack(t *testing.T) {
	clk := fake.NewClock()
	budget := retry.NewBudget(retry.BudgetConfig{Clock: clk})
	ended := func(cfg retry.Config, ctx context.Context) {
		cfg.Budget, cfg.Clock = budget, fake.NewClock(fake.AutoAdvance())
		func() {
			defer func() { _ = recover() }()
			_, _ = retry.Do(ctx, cfg, fake.NewFunc[int]().Fail(errDown).Do)
		}()
		assert.Zero(t, budget.Snapshot().Retries)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended(retry.Config{OnRetry: func(context.Context, policy.Event) { cancel() }}, ctx)
	ended(retry.Config{OnRetry: func(context.Context, policy.Event) { panic("boom") }}, t.Context())
	over, stop := context.WithTimeout(t.Context(), -1)
	defer stop()
	ended(retry.Config{}, over)
	_, err := retry.Do(t.Context(), retry.Config{Budget: budget, Clock: brokenClock{fake.NewClock()}}, fake.NewFunc[int]().Fail(errDown).Do)
	require.Error(t, err)
	assert.Zero(t, budget.Snapshot().Retries)
	assert.EqualValues(t, 3, budget.Snapshot().Calls)
}

func TestCallersWithTheSameHintReturnAtDifferentTimes(t *testing.T) {
	seen := map[time.Duration]int{}
	for i := range 20 {
		clk := fake.NewClock(fake.AutoAdvance())
		cfg := retry.Config{Clock: clk, Rand: fake.Rand(float64(i) / 20)}
		_, err := retry.Do(t.Context(), cfg, fake.NewFunc[int]().Fail(retry.After(errDown, 5*time.Second)).Return(1).Do)
		require.NoError(t, err)
		seen[clk.Sleeps()[0]]++
	}
	assert.Len(t, seen, 20)
	for d := range seen {
		assert.GreaterOrEqual(t, d, 5*time.Second)
		assert.Less(t, d, 5500*time.Millisecond)
	}
}

func TestNumbersOfABrokenRandomSourceAreClamped(t *testing.T) {
	for name, broken := range map[string]float64{"NaN": math.NaN(), "one": 1, "two": 2, "negative": -3, "infinite": math.Inf(1), "minus infinite": math.Inf(-1)} {
		for kind, backoff := range map[string]retry.Backoff{
			"config": nil, "full": retry.FullJitter(time.Second, time.Minute), "equal": retry.EqualJitter(time.Second, time.Minute),
			"decorrelated": retry.Decorrelated(time.Second, time.Minute), "jittered": retry.Constant(time.Second).Jittered(0.5),
			"own": func(s retry.Step) time.Duration {
				r := s.Rand()
				assert.True(t, r >= 0 && r < 1, "%s: %v", name, r)
				return time.Second
			},
		} {
			clk := fake.NewClock(fake.AutoAdvance())
			cfg := retry.Config{Clock: clk, Backoff: backoff, Rand: func() float64 { return broken }}
			_, err := retry.Do(t.Context(), cfg, fake.NewFunc[int]().Fail(retry.After(errDown, 10*time.Second)).Return(1).Do)
			require.NoError(t, err)
			assert.GreaterOrEqual(t, clk.Sleeps()[0], 10*time.Second, "%s, %s", name, kind)
			assert.LessOrEqual(t, clk.Sleeps()[0], 11*time.Second, "%s, %s", name, kind)
		}
	}
}

func TestErrDeadlineMatchesDeadlineExceeded(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	_, err := retry.Do(ctx, retry.Config{Backoff: retry.Constant(2 * time.Hour)}, fake.NewFunc[int]().Fail(errDown).Do)
	assert.ErrorIs(t, err, retry.ErrDeadline)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorIs(t, err, retry.ErrGaveUp)
}

func TestAValueIsDiscardedBeforeTheDelay(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	var at []int
	r := retry.New[int](retry.Config{Clock: clk}).
		WithCondition(func(v int, _ error) bool { return v < 2 }).
		WithDiscard(func(int) { at = append(at, len(clk.Sleeps())) })
	v, err := r.Do(t.Context(), fake.NewFunc[int]().Return(0).Return(1).Return(2).Do)
	require.NoError(t, err)
	assert.Equal(t, 2, v)
	assert.Equal(t, []int{0, 1}, at)
}

func TestAValueIsReturnedIfTheRetryEndsBeforeTheDelay(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	empty := retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: retry.NoMinimum, Clock: clk})
	for name, c := range map[string]struct {
		ctx context.Context
		cfg retry.Config
	}{
		"budget":   {t.Context(), retry.Config{Clock: clk, Budget: empty}},
		"deadline": {withDeadline{t.Context(), clk.Now().Add(time.Millisecond)}, retry.Config{Clock: clk}},
	} {
		r := retry.New[int](c.cfg).WithCondition(func(int, error) bool { return true }).
			WithDiscard(func(int) { t.Error(name + ": discarded") })
		v, err := r.Do(c.ctx, fake.NewFunc[int]().Return(7).Do)
		require.Error(t, err, name)
		assert.Equal(t, 7, v, name)
	}
}

// withDeadline is a context with a deadline on a user's clock.
type withDeadline struct {
	context.Context
	at time.Time
}

func (w withDeadline) Deadline() (time.Time, bool) { return w.at, true }

func TestNoDelayMakesTheNextAttemptImmediately(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	_, err := retry.Do(t.Context(), retry.Config{Clock: clk, BaseDelay: retry.NoDelay}, fake.NewFunc[int]().Fail(errDown).Do)
	require.ErrorIs(t, err, retry.ErrExhausted)
	assert.Equal(t, []time.Duration{0, 0}, clk.Sleeps())
	assert.EqualError(t, retry.Config{BaseDelay: -2}.Validate(), "retry: Config.BaseDelay is -2ns, want NoDelay (-1ns), or 0 or more")
}

func TestKeepErrorsKeepsTheLastErrors(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	var errs []error
	for i := range 5 {
		errs = append(errs, fmt.Errorf("failure %d", i+1))
	}
	for keep, want := range map[int][]error{0: errs[4:], 1: errs[4:], 2: errs[3:], 5: errs, 64: errs} {
		cfg := retry.Config{Clock: clk, MaxAttempts: 5, KeepErrors: keep}
		_, err := retry.Do(t.Context(), cfg, fake.NewFunc[int]().Fail(errs...).Do)
		var ended *retry.Error
		require.ErrorAs(t, err, &ended)
		assert.Equal(t, want, ended.Errs, "KeepErrors %d", keep)
	}
	assert.ErrorContains(t, retry.Config{KeepErrors: 65}.Validate(), "retry: Config.KeepErrors is 65, want 0 to 64")
}

func TestABackoffCanStopTheRetry(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	for name, b := range map[string]retry.Backoff{
		"its own": func(s retry.Step) time.Duration {
			if s.Attempt == 2 {
				return retry.Stop
			}
			return time.Second
		},
		"limited":                       retry.Constant(time.Second).Limited(2),
		"limited, capped and jittered":  retry.Constant(time.Second).Limited(2).Capped(time.Second).Jittered(0),
		"capped, jittered, and limited": retry.Constant(time.Hour).Capped(time.Second).Jittered(0).Limited(2),
	} {
		f := fake.NewFunc[int]().Fail(errDown)
		_, err := retry.Do(t.Context(), retry.Config{Clock: clk, MaxAttempts: retry.Unlimited, Backoff: b}, f.Do)
		assert.ErrorIs(t, err, retry.ErrExhausted, name)
		assert.Equal(t, 2, f.Calls(), name)
	}
	for want, make := range map[string]func(){
		"retry: Backoff.Capped: the backoff is nil, want a function":   func() { retry.Backoff(nil).Capped(1) },
		"retry: Backoff.Capped: max is -1ns, want 0 or more":           func() { retry.Constant(1).Capped(-1) },
		"retry: Backoff.Jittered: the backoff is nil, want a function": func() { retry.Backoff(nil).Jittered(1) },
		"retry: Backoff.Jittered: factor is NaN, want 0 to 1":          func() { retry.Constant(1).Jittered(math.NaN()) },
		"retry: Backoff.Limited: the backoff is nil, want a function":  func() { retry.Backoff(nil).Limited(1) },
		"retry: Backoff.Limited: attempts is 0, want 1 or more":        func() { retry.Constant(1).Limited(0) },
	} {
		assert.PanicsWithValue(t, want, make)
	}
}

func TestABackoffGetsTheElapsedTime(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	var elapsed []time.Duration
	b := func(s retry.Step) time.Duration { elapsed = append(elapsed, s.Elapsed); return time.Second }
	_, _ = retry.Do(t.Context(), retry.Config{Clock: clk, Backoff: b}, fake.NewFunc[int]().Delay(clk, time.Minute).Fail(errDown).Return(1).Do)
	assert.Equal(t, []time.Duration{time.Minute}, elapsed)
}

func TestAnExactWaitReplacesTheDelay(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	cfg := retry.Config{Clock: clk, Rand: fake.Rand(0.9)}
	for _, d := range []time.Duration{0, time.Millisecond, 29 * time.Second} {
		_, err := retry.Do(t.Context(), cfg, fake.NewFunc[int]().Fail(retry.Exactly(errDown, d)).Return(1).Do)
		require.NoError(t, err)
		assert.Equal(t, d, clk.Sleeps()[len(clk.Sleeps())-1])
	}
	_, err := retry.Do(t.Context(), cfg, fake.NewFunc[int]().Fail(retry.Exactly(errDown, time.Minute)).Return(1).Do)
	assert.ErrorIs(t, err, retry.ErrRetryAfter)
	assert.NoError(t, retry.Exactly(nil, 1))
}

func TestExecuteRemovesTheMarksOfRetryAndDoRemovesAll(t *testing.T) {
	judged := mark.On(retry.After(retry.Permanent(errDown), time.Second), func(m *mark.Mark) { m.Judged = uint8(policy.Success) })
	r := retry.New[int](retry.Config{})
	_, err := r.Execute(t.Context(), policy.CallOf(fail(judged)))
	assert.Equal(t, uint8(policy.Success), mark.Judged(err))
	assert.False(t, mark.Permanent(err))
	_, hinted := policy.RetryAfter(err)
	assert.False(t, hinted)
	_, err = r.Do(t.Context(), fail(judged))
	assert.Equal(t, errDown, err)
	_, err = retry.Do(t.Context(), retry.Config{}, fail(judged))
	assert.Equal(t, errDown, err)
}

func fail(err error) policy.Func[int] {
	return func(context.Context) (int, error) { return 0, err }
}

func TestOnRetryGetsThePipelineAndTheKey(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	var emitted policy.Event
	r := retry.New[int](retry.Config{Clock: clk, OnRetry: func(_ context.Context, e policy.Event) { emitted = e }})
	member := policy.WithKey("eu", policy.Policy[int](r))
	for _, listeners := range [][]policy.Listener{nil, {{Observe: fake.NewRecorder().Observe}}} {
		_, err := policy.NewChain("rates", listeners, member).Call(fake.NewFunc[int]().Fail(retry.Exactly(errDown, time.Second)).Return(1).Do).Do(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "rates", emitted.Pipeline)
		assert.Equal(t, "server", emitted.Reason)
	}
	assert.Equal(t, "eu", emitted.Key)
}

func TestTookIsTheTimeOfTheAttemptAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events, err := observed(t.Context(), retry.New[int](retry.Config{JitterFactor: retry.NoJitter}), func(ctx context.Context) (int, error) {
			time.Sleep(time.Duration(retry.Attempt(ctx)) * time.Second)
			return 0, errDown
		})
		require.Error(t, err)
		var took []time.Duration
		for _, e := range events {
			if e.Kind == policy.Attempted {
				took = append(took, e.Took)
			}
		}
		assert.Equal(t, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}, took)
	})
}

func TestReconfigureKeepsTheCountsOfABudget(t *testing.T) {
	clk := fake.NewClock()
	b := retry.NewBudget(retry.BudgetConfig{Ratio: 0.5, MinPerSecond: retry.NoMinimum, Clock: clk})
	for range 10 {
		b.Call()
	}
	for range 5 {
		require.True(t, b.Take())
	}
	require.False(t, b.Take())
	for _, window := range []time.Duration{0, time.Minute, time.Second} {
		cfg := retry.BudgetConfig{Ratio: 0.6, MinPerSecond: retry.NoMinimum, Window: window, Clock: clk}
		require.NoError(t, b.Reconfigure(cfg))
		assert.Equal(t, retry.BudgetSnapshot{Calls: 10, Retries: 5, Left: 1}, b.Snapshot(), "a window of %v", window)
	}
	assert.Equal(t, 0.6, b.Config().Ratio)
	clk.Advance(time.Second)
	assert.Equal(t, retry.BudgetSnapshot{}, b.Snapshot(), "the new window has rolled over")

	assert.EqualError(t, b.Reconfigure(retry.BudgetConfig{Ratio: -1, Clock: clk}), "retry: BudgetConfig.Ratio is -1, want 0 to 1000")
	assert.ErrorContains(t, b.Reconfigure(retry.BudgetConfig{}), "retry: BudgetConfig.Clock differs")
	assert.Equal(t, 0.6, b.Config().Ratio)
}

func TestGiveBackNeverGrantsMoreThanWasTaken(t *testing.T) {
	clk := fake.NewClock()
	b := retry.NewBudget(retry.BudgetConfig{MinPerSecond: 0.1, Clock: clk})
	b.GiveBack()
	assert.EqualValues(t, 1, b.Snapshot().Left)
	require.True(t, b.Take())
	clk.Advance(3 * time.Second)
	b.GiveBack()
	b.GiveBack()
	assert.Equal(t, retry.BudgetSnapshot{Left: 1}, b.Snapshot())
	require.True(t, b.Take())
	require.False(t, b.Take())
}

func TestATypedNilInAnInterfaceIsNotDiscarded(t *testing.T) {
	r := retry.New[any](retry.Config{BaseDelay: retry.NoDelay}).WithDiscard(func(v any) { t.Errorf("discarded %#v", v) })
	for _, v := range []any{nil, 0, (*int)(nil)} {
		_, err := r.Do(t.Context(), func(context.Context) (any, error) { return v, errDown })
		assert.ErrorIs(t, err, errDown)
	}
}

func TestATokenIsGivenBackAfterAChangeOfTheWindow(t *testing.T) {
	clk := fake.NewClock()
	b := retry.NewBudget(retry.BudgetConfig{Clock: clk})
	ctx, cancel := context.WithCancel(t.Context())
	cfg := retry.Config{Budget: b, Clock: fake.NewClock(), OnRetry: func(context.Context, policy.Event) {
		assert.NoError(t, b.Reconfigure(retry.BudgetConfig{Window: time.Minute, Clock: clk}))
		cancel()
	}}
	_, err := retry.Do(ctx, cfg, fail(errDown))
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, b.Snapshot().Retries)
	b.GiveBack()
	assert.Zero(t, b.Snapshot().Retries, "there is no token to give back")
}

func TestTheLargestBudgetGrantsRetries(t *testing.T) {
	b := retry.NewBudget(retry.BudgetConfig{MinPerSecond: 1e9, Window: math.MaxInt64})
	assert.True(t, b.Take())
}

func TestRecoveredHasTheTimeOfTheWholeRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := fake.NewRecorder()
		only := []policy.Listener{{Observe: rec.Observe, Kinds: []policy.EventKind{policy.Recovered}}}
		r := retry.New[int](retry.Config{BaseDelay: retry.NoDelay})
		_, err := policy.NewChain("p", only, policy.Policy[int](r)).Call(func(ctx context.Context) (int, error) {
			time.Sleep(time.Second)
			if retry.Attempt(ctx) == 1 {
				return 0, errDown
			}
			return 1, nil
		}).Do(t.Context())
		require.NoError(t, err)
		require.Len(t, rec.Events(), 1)
		assert.Equal(t, 2*time.Second, rec.Events()[0].Elapsed)
	})
}
