package hedge_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/internal/readings"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// In an outage every call is slow. Without a budget, hedging would double the load.
func TestTheDefaultBudgetIsATenthOfCallsPlusOnePerSecond(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: ms})
		extra := 0
		for range 1000 { // in one window of 10 s
			_, err := h.Do(t.Context(), func(ctx context.Context) (int, error) {
				if policy.Speculative(ctx) {
					extra++
				}
				return after(5*ms, 1, nil)(ctx)
			})
			require.NoError(t, err)
			synctest.Wait()
		}
		assert.Equal(t, 1000/10+10, extra)
	})
}

func TestARefusedExtraAttemptIsTriedAgainADelayLater(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		budget := tokens(2)
		for budget.Take() {
			continue
		}
		time.AfterFunc(25*ms, func() { budget.GiveBack(); budget.GiveBack() })
		start := time.Now()
		var begun notes[time.Duration]
		h := hedge.New[int](hedge.Config{Delay: 10 * ms, MaxExtra: 2, Budget: budget})
		_, err := h.Do(t.Context(), func(ctx context.Context) (int, error) {
			begun.add(time.Since(start))
			return after(time.Second, 1, nil)(ctx)
		})
		require.NoError(t, err)
		assert.Equal(t, []time.Duration{0, 30 * ms, 40 * ms}, begun.get())
	})
}

func TestATinyDelayTriesARefusedTokenOncePerMillisecond(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		clk := readings.NewClock()
		budget := retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: retry.NoMinimum, Clock: clk})
		h := hedge.New[int](hedge.Config{Delay: 1, Budget: budget})
		_, err := h.Do(t.Context(), attempts{after(time.Second, 1, nil)}.run)
		require.NoError(t, err)
		assert.Less(t, clk.Count(), 1010)
	})
}

func TestWithAtOnceARefusedTokenIsNotTriedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		budget := tokens(2)
		for budget.Take() {
			continue
		}
		time.AfterFunc(ms, func() { budget.GiveBack(); budget.GiveBack() })
		runs := 0
		h := hedge.New[int](hedge.Config{Delay: hedge.AtOnce, MaxExtra: 2, OnFailure: true, Budget: budget})
		_, err := h.Do(t.Context(), func(ctx context.Context) (int, error) {
			runs++
			return after(time.Second, 0, errDown)(ctx)
		})
		require.Equal(t, errDown, err)
		assert.Equal(t, 1, runs)
	})
}

func TestAtOnceAsksOnceForARefusedToken(t *testing.T) {
	tries := func(extra int) int {
		clk := readings.NewClock()
		budget := retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: retry.NoMinimum, Clock: clk})
		h := hedge.New[int](hedge.Config{Delay: hedge.AtOnce, MaxExtra: extra, Budget: budget})
		_, err := h.Do(t.Context(), fake.NewFunc[int]().Return(1).Do)
		require.NoError(t, err)
		return clk.Count()
	}
	assert.Equal(t, tries(1), tries(5))
}

func TestWithAtOnceARetryAfterStartsNoAttempt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		budget := tokens(2)
		budget.Take()
		time.AfterFunc(2*ms, budget.GiveBack)
		h := hedge.New[int](hedge.Config{Delay: hedge.AtOnce, MaxExtra: 2, Budget: budget})
		v, err := h.Do(t.Context(), attempts{after(ms, 0, retry.After(errDown, 5*ms)), after(time.Second, 2, nil)}.run)
		require.NoError(t, err)
		assert.Equal(t, 2, v)
	})
}

func TestARejectedFirstAttemptReturnsNoToken(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		budget := tokens(5)
		h := hedge.New[int](hedge.Config{Delay: ms, Budget: budget})
		v, err := h.Do(t.Context(), attempts{after(5*ms, 0, policy.ErrRejected), after(20*ms, 2, nil)}.run)
		require.NoError(t, err)
		assert.Equal(t, 2, v)
		assert.EqualValues(t, 4, budget.Snapshot().Left)
	})
}

func TestNestedHedgesCountACallInTheirOwnBudgets(t *testing.T) {
	outer, inner := hedge.New[int](hedge.Config{}), hedge.New[int](hedge.Config{})
	_, err := pipeline.New[int](outer, inner).Do(t.Context(), fake.NewFunc[int]().Return(1).Do)
	require.NoError(t, err)
	for _, h := range []*hedge.Hedge[int]{outer, inner} {
		assert.EqualValues(t, 1, h.Describe().Config.(hedge.Config).Budget.Snapshot().Calls)
	}
}

func TestOnFailureEndsTheCallWithoutAToken(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: time.Hour, OnFailure: true, MaxExtra: 3, Budget: tokens(1)})
		runs := 0
		d := took(func() {
			_, err := h.Do(t.Context(), func(context.Context) (int, error) { runs++; return 0, errDown })
			assert.ErrorIs(t, err, errDown)
		})
		assert.Equal(t, 2, runs)
		assert.Zero(t, d)
	})
}

// The function fails once in every attempt of a retry. The test makes ten calls.
func TestABudgetSharedWithARetryCountsACallOnce(t *testing.T) {
	budgeted := func(b *retry.Budget) (policy.Policy[int], policy.Policy[int]) {
		return retry.New[int](retry.Config{MaxAttempts: 2, BaseDelay: retry.NoDelay, Budget: b}),
			hedge.New[int](hedge.Config{Delay: time.Hour, Budget: b})
	}
	for name, order := range map[string]func(again, beside policy.Policy[int]) *pipeline.Pipeline[int]{
		"retry outside": func(again, beside policy.Policy[int]) *pipeline.Pipeline[int] { return pipeline.New(again, beside) },
		"hedge outside": func(again, beside policy.Policy[int]) *pipeline.Pipeline[int] { return pipeline.New(beside, again) },
		"retry around": func(again, beside policy.Policy[int]) *pipeline.Pipeline[int] {
			return pipeline.New(again, beside, again, beside)
		},
	} {
		t.Run(name, func(t *testing.T) {
			budget := retry.NewBudget(retry.BudgetConfig{Ratio: 0.5, MinPerSecond: retry.NoMinimum, Window: time.Hour})
			p := order(budgeted(budget))
			for range 10 {
				_, _ = p.Do(t.Context(), func(context.Context) (int, error) { return 0, errDown })
			}
			assert.EqualValues(t, 10, budget.Snapshot().Calls)
		})
	}
}

func TestARetryInAnExtraAttemptDoesNotCountTheCallAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		budget := tokens(5)
		p := pipeline.New[int](hedge.New[int](hedge.Config{Delay: ms, Budget: budget}), retry.New[int](retry.Config{Budget: budget}))
		v, err := p.Do(t.Context(), attempts{after(time.Second, 1, nil), after(ms, 2, nil)}.run)
		require.NoError(t, err)
		assert.Equal(t, 2, v)
		assert.EqualValues(t, 1, budget.Snapshot().Calls)
	})
}

func TestARetryWithAnUnsharedBudgetAllocatesNothing(t *testing.T) {
	r := retry.New[int](retry.Config{Budget: retry.NewBudget(retry.BudgetConfig{})})
	fn := func(context.Context) (int, error) { return 1, nil }
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = r.Do(context.Background(), fn) }))
}
