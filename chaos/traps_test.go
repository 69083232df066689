package chaos_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// An injected error that matched policy.ErrRejected would vanish from circuits, which ignore
// rejections: the rehearsal would show that nothing opens.
func TestACircuitOpensUnderInjectedErrorsOfAnyKind(t *testing.T) {
	for _, own := range []error{errDown, policy.ErrRejected} {
		for kind, p := range throwing(own) {
			circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 3})
			calls := pipeline.New[int](breaker.New[int](circuit), chaos.Mix(p))
			for range 3 {
				_, err := calls.Do(t.Context(), answer(1))
				assert.NotErrorIs(t, err, policy.ErrRejected, kind)
			}
			assert.Equal(t, breaker.Open, circuit.State(), kind)
			_, err := calls.Do(t.Context(), answer(1))
			assert.ErrorIs(t, err, breaker.ErrOpen, kind)
		}
	}
}

// A latency that did not watch its context would keep callers that have left, and the
// timeouts around it could not fire.
func TestALatencyIsNotDeafToItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipeline.New[int](policy.Timeout[int](time.Second), chaos.Latency[int](always, lasting(math.MaxInt64)))
		begun := time.Now()
		_, err := p.Do(t.Context(), answer(1))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(begun))
	})
}

// With draw <= rate a rate of 0 would act at a draw of 0.
func TestRatesOfZeroAndOneAreExact(t *testing.T) {
	for _, draw := range []float64{0, math.SmallestNonzeroFloat64, 0.5, math.Nextafter(1, 0)} {
		for _, rate := range []float64{0, 1} {
			constant := chaos.Config{Rate: rate, Enabled: true, Rand: fake.Rand(draw)}
			varying := chaos.Config{RateFunc: func(context.Context) float64 { return rate }, Enabled: true, Rand: fake.Rand(draw)}
			for _, cfg := range []chaos.Config{constant, varying} {
				p := chaos.Fault[int](cfg, failing)
				for _, c := range []chaotic{p, chaos.Mix(p)} {
					_, err := c.Do(t.Context(), answer(1))
					assert.Equal(t, rate == 1, err != nil, "rate %v, draw %v", rate, draw)
				}
			}
		}
	}
	for _, rate := range []float64{0, 1} {
		p := chaos.Fault[int](chaos.Config{Rate: rate, Enabled: true}, failing)
		for range 10_000 {
			_, err := p.Do(t.Context(), answer(1))
			assert.Equal(t, rate == 1, err != nil)
		}
	}
}

// Two policies of 50 % beside each other act in 75 % of the calls. In a mix they act in all.
func TestTheRatesOfAMixDoNotCompound(t *testing.T) {
	const n = 100_000
	injected := func(mixed bool) int {
		a := chaos.Fault[int](chaos.Config{Rate: 0.5, Enabled: true, Seed: 1}, failing)
		b := chaos.Fault[int](chaos.Config{Rate: 0.5, Enabled: true, Seed: 2}, failing)
		p := pipeline.New[int](a, b)
		if mixed {
			p = pipeline.New[int](chaos.Mix(a, b))
		}
		failed := 0
		for range n {
			if _, err := p.Do(t.Context(), answer(1)); err != nil {
				failed++
			}
		}
		return failed
	}
	assert.Equal(t, n, injected(true))
	assert.InDelta(t, 0.75*n, injected(false), 0.01*n) // the seeds are fixed, so this is exact
}
