package fake

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestThingsDueAtTheSameTimeFireInTheOrderOfCreation(t *testing.T) {
	clk := NewClock()
	var order []int
	for i, at := range []time.Duration{2, 1, 2, 1, 2} {
		clk.add(at, &entry{send: func(time.Time) { order = append(order, i) }})
	}
	clk.Advance(2)
	assert.Equal(t, []int{1, 3, 0, 2, 4}, order)
}
