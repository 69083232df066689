package allocs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/allocs"
)

var kept *int

func TestFewestLeavesOutWhatIsNotOfEachCall(t *testing.T) {
	calls := 0
	assert.InDelta(t, 1, allocs.Fewest(10, func() {
		kept = new(int)
		if calls++; calls < 12 { // in the first look
			kept = new(int)
		}
	}), 0)
	assert.Zero(t, allocs.Fewest(10, func() {}))
}
