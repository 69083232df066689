package retry_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/retry"
)

func TestABudgetGrantsTheWholeShareOfItsCalls(t *testing.T) {
	for percent := int64(1); percent <= 100; percent++ {
		b := retry.NewBudget(retry.BudgetConfig{Ratio: float64(percent) / 100, MinPerSecond: retry.NoMinimum, Clock: fake.NewClock()})
		for range 200 {
			b.Call()
		}
		assert.Equal(t, 2*percent, b.Snapshot().Left, "%d %%", percent)
	}
}
