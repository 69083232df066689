package retry_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/retry"
)

func TestABudgetKeepsItsName(t *testing.T) {
	b := retry.NewBudget(retry.BudgetConfig{Name: "outbound"})
	require.NoError(t, b.Reconfigure(retry.BudgetConfig{Ratio: 0.5}))
	assert.Equal(t, "outbound", b.Config().Name)
	assert.Equal(t, "outbound", b.Name())
	assert.InDelta(t, 0.5, b.Config().Ratio, 0)
	require.NoError(t, b.Reconfigure(retry.BudgetConfig{Name: "outbound"}))
	assert.EqualError(t, b.Reconfigure(retry.BudgetConfig{Name: "inbound"}),
		`retry: BudgetConfig.Name is "inbound", want "outbound" or none: a budget keeps its name`)
}
