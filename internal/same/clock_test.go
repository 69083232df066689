package same_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/same"
)

// slices is a clock that == cannot compare.
type slices struct{ _ []int }

func TestClocksAreTheSameIfTheyAreEqualOrCannotBeCompared(t *testing.T) {
	one, other := new(int), new(int)
	assert.True(t, same.Clocks(nil, nil))
	assert.True(t, same.Clocks(one, one))
	assert.False(t, same.Clocks(one, other))
	assert.False(t, same.Clocks(one, nil))
	assert.False(t, same.Clocks(nil, one))
	assert.False(t, same.Clocks(one, 1))
	assert.True(t, same.Clocks(slices{}, slices{}))
}
