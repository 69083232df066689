package chaos_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
)

func TestMixForgivesASumThatIsAboveOneByRounding(t *testing.T) {
	one := chaos.Fault[int](chaos.Config{Rate: 1}, failing)
	assert.NotPanics(t, func() { chaos.Mix(one, chaos.Fault[int](chaos.Config{Rate: 1e-12}, failing)) })
	assert.Panics(t, func() { chaos.Mix(one, chaos.Fault[int](chaos.Config{Rate: 2e-12}, failing)) })
}

// A sum that is less than 1 by rounding is 1, so that no draw is above it.
func TestTheLastIntervalOfAMixEndsAtOneIfTheSumIsOneButForRounding(t *testing.T) {
	for rate, want := range map[float64]bool{1 - 1e-13: true, 1 - 1e-12: false, 1 - 1e-11: false} {
		p := chaos.Fault[int](chaos.Config{Rate: rate, Enabled: true, Rand: fake.Rand(math.Nextafter(1, 0))}, failing)
		_, err := chaos.Mix(p).Do(t.Context(), answer(1))
		assert.Equal(t, want, err != nil, "a rate of %v", rate)
	}
}

func TestAMixDrawsOncePerCallAlsoIfTheDrawIsZero(t *testing.T) {
	draws := 0
	cfg := func(rate float64) chaos.Config {
		return chaos.Config{
			Enabled: true, Rand: func() float64 { draws++; return 0 },
			RateFunc: func(context.Context) float64 { return rate },
		}
	}
	m := chaos.Mix(chaos.Fault[int](cfg(0), failing), chaos.Fault[int](cfg(0), failing), chaos.Outcome(cfg(0.1), answer(7)))
	v, err := m.Do(t.Context(), answer(1))
	require.NoError(t, err)
	assert.Equal(t, 7, v)
	assert.Equal(t, 1, draws)
}

func TestAnEmptyMixLeavesTheRefusalToTheInnerPolicies(t *testing.T) {
	m := chaos.Mix[int]()
	m.On()
	assert.NoError(t, m.Refusal(t.Context(), 0))
}
