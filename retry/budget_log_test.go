package retry_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/retry"
)

func TestASnapshotOfABudgetIsLoggedWithItsNonzeroFields(t *testing.T) {
	s := retry.BudgetSnapshot{Calls: 10, Retries: 1, Left: 100}
	assert.Equal(t, "[calls=10 retries=1 left=100]", s.LogValue().String())
	assert.Equal(t, "[left=100]", retry.BudgetSnapshot{Left: 100}.LogValue().String())
}
