package sim

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestAnExponentialTimeHasItsMean(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)).Float64
	sum, n := time.Duration(0), 100_000
	for range n {
		sum += Exponential(time.Second).draw(random)
	}
	assert.InEpsilon(t, time.Second, sum/time.Duration(n), 0.02)
	assert.Equal(t, time.Minute, Constant(time.Minute).draw(random))
}
