package retry_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/budgets"
	"github.com/ductile-go/ductile/retry"
)

func TestACallInASharedBudgetIsCountedOnceInEveryAttempt(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	b := retry.NewBudget(retry.BudgetConfig{Clock: clk})
	budgets.Share(b)
	outer := retry.New[int](retry.Config{Clock: clk, Budget: b, MaxAttempts: 3})
	inner := retry.New[int](retry.Config{Clock: clk, Budget: b, MaxAttempts: 1})
	for calls := int64(1); calls <= 2; calls++ {
		f := fake.NewFunc[int]().Fail(errDown)
		_, err := through(t, outer, inner, f.Do)
		require.ErrorIs(t, err, errDown)
		assert.Equal(t, 3, f.Calls())
		assert.Equal(t, calls, b.Snapshot().Calls)
	}
}

func TestABudgetAllocatesNothingForACallThatSucceeds(t *testing.T) {
	r := retry.New[int](retry.Config{Budget: retry.NewBudget(retry.BudgetConfig{})})
	ctx, fn := t.Context(), func(context.Context) (int, error) { return 1, nil }
	assert.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = r.Do(ctx, fn) }))
}
