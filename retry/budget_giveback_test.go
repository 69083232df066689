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

func TestGiveBackRemovesOnlyTheNewestRetry(t *testing.T) {
	clk := fake.NewClock()
	b := retry.NewBudget(retry.BudgetConfig{Clock: clk})
	require.True(t, b.Take())
	clk.Advance(3 * time.Second)
	require.True(t, b.Take())
	require.True(t, b.Take())
	b.GiveBack()
	assert.EqualValues(t, 2, b.Snapshot().Retries)
	b.GiveBack()
	assert.EqualValues(t, 1, b.Snapshot().Retries)
	clk.Advance(7 * time.Second)
	assert.Zero(t, b.Snapshot().Retries, "the oldest was left, and its time is over")
}

func TestARetryGivesItsOwnTokenBackAndNotANewerOne(t *testing.T) {
	clk := fake.NewClock()
	b := retry.NewBudget(retry.BudgetConfig{Clock: clk})
	ctx, cancel := context.WithCancel(t.Context())
	cfg := retry.Config{Budget: b, Clock: fake.NewClock(), OnRetry: func(context.Context, policy.Event) {
		clk.Advance(3 * time.Second)
		assert.True(t, b.Take(), "another caller's retry")
		cancel()
	}}
	_, err := retry.Do(ctx, cfg, fail(errDown))
	require.ErrorIs(t, err, context.Canceled)
	assert.EqualValues(t, 1, b.Snapshot().Retries)
	clk.Advance(7 * time.Second)
	assert.EqualValues(t, 1, b.Snapshot().Retries, "the other caller's retry is counted for its whole window")
}
