package registry_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

// stripe returns shop with another circuit.
func stripe(c breaker.Config) registry.Spec {
	spec := shop()
	spec.Circuits["stripe"] = registry.CircuitSpec{Config: c}
	return spec
}

func TestAnOpenCircuitStaysOpenWithItsNewEnd(t *testing.T) {
	clk := fake.NewClock()
	r := made(t, shop(), registry.WithClock(clk))
	l, c := liveOf(t, r, "charge"), circuitOf(t, r, "stripe")
	for range 2 {
		_, _ = l.Do(t.Context(), down)
	}
	require.Equal(t, breaker.Open, c.State())
	clk.Advance(20 * time.Second)
	changes := apply(t, r, stripe(breaker.Config{FailureThreshold: 2, RecoveryTimeout: 30 * time.Second}))
	assert.Equal(t, registry.Changes{Changed: []string{"circuits.stripe"}}, changes)
	assert.Equal(t, breaker.Open, c.State())
	assert.Equal(t, 10*time.Second, c.Snapshot().RetryAfter)
	clk.Advance(10 * time.Second)
	assert.Equal(t, breaker.HalfOpen, c.State())
	assert.Same(t, c, circuitOf(t, r, "stripe"))
}

func TestAClosedCircuitKeepsItsCountAndCountsCallsInFlight(t *testing.T) {
	r := made(t, stripe(breaker.Config{FailureThreshold: 3}))
	l, c := liveOf(t, r, "charge"), circuitOf(t, r, "stripe")
	_, _ = l.Do(t.Context(), down)
	_, _ = l.Do(t.Context(), func(context.Context) (int, error) {
		apply(t, r, stripe(breaker.Config{FailureThreshold: 2}))
		return 0, errDown
	})
	assert.Equal(t, breaker.Open, c.State(), "the call that began before the change is the second failure")
}

func TestAWindowOfAnotherShapeBeginsAnewAndSaysSo(t *testing.T) {
	r := made(t, stripe(breaker.Config{WindowCalls: 10, FailureThreshold: 5}))
	l, c := liveOf(t, r, "charge"), circuitOf(t, r, "stripe")
	_, _ = l.Do(t.Context(), down)
	assert.Equal(t, registry.Changes{Changed: []string{"circuits.stripe"}}, apply(t, r, stripe(breaker.Config{WindowCalls: 10, FailureThreshold: 6})))
	assert.EqualValues(t, 1, c.Snapshot().Counts.Failures)
	assert.Equal(t, registry.Changes{Changed: []string{"circuits.stripe"}, Restarted: []string{"circuits.stripe"}},
		apply(t, r, stripe(breaker.Config{WindowCalls: 20, FailureThreshold: 6})))
	assert.Zero(t, c.Snapshot().Counts.Failures)
}

func TestAnEqualSpecDoesNothing(t *testing.T) {
	r := made(t, shop())
	var transitions int
	defer circuitOf(t, r, "stripe").Watch(func(breaker.Transition) { transitions++ })()
	defer r.Watch(func(registry.Changes) { assert.Fail(t, "nothing has changed") })()
	assert.True(t, apply(t, r, shop()).None())
	written := breaker.Config{FailureThreshold: 2, RecoveryTimeout: time.Minute, HalfOpenMaxCalls: breaker.DefaultHalfOpenMaxCalls}
	assert.True(t, apply(t, r, stripe(written)).None(), "a default that is written out changes nothing")
	assert.Zero(t, transitions)
	assert.EqualValues(t, 1, r.Snapshot().Revision)
}

func TestABudgetIsNotRefilled(t *testing.T) {
	spec := shop()
	with := func(ratio float64) registry.Spec {
		spec.Budgets = map[string]registry.BudgetSpec{"b": {BudgetConfig: retry.BudgetConfig{Ratio: ratio, MinPerSecond: retry.NoMinimum}}}
		return spec
	}
	r := made(t, with(0.5), registry.WithClock(fake.NewClock()))
	b, err := r.Budget("b")
	require.NoError(t, err)
	for range 4 {
		b.Call()
	}
	require.True(t, b.Take())
	assert.Equal(t, registry.Changes{Changed: []string{"budgets.b"}}, apply(t, r, with(0.75)))
	assert.Equal(t, retry.BudgetSnapshot{Calls: 4, Retries: 1, Left: 2}, b.Snapshot())
}

func TestHoldersOfAGateStay(t *testing.T) {
	spec := func(limit int) registry.Spec {
		return registry.Spec{
			Bulkheads: map[string]registry.BulkheadSpec{"g": {Config: bulkhead.Config{Limit: limit}}},
			Pipelines: map[string]registry.PipelineSpec{"p": {Bulkhead: "g"}},
		}
	}
	r := made(t, spec(2))
	l := liveOf(t, r, "p")
	_, err := l.Do(t.Context(), func(ctx context.Context) (int, error) {
		assert.Equal(t, registry.Changes{Changed: []string{"bulkheads.g"}}, apply(t, r, spec(1)))
		return l.Do(ctx, ok)
	})
	assert.ErrorIs(t, err, bulkhead.ErrFull, "the place is taken by a call that began before the change")
	_, err = l.Do(t.Context(), ok)
	assert.NoError(t, err)
}

func TestACallInFlightEndsWithWhatItBeganWith(t *testing.T) {
	spec := shop()
	spec.Pipelines["charge"] = registry.PipelineSpec{Retry: &registry.RetrySpec{Config: retry.Config{BaseDelay: 1, MaxAttempts: 2}}}
	r := made(t, spec)
	l := liveOf(t, r, "charge")
	n := 0
	_, err := l.Do(t.Context(), func(context.Context) (int, error) {
		n++
		spec.Pipelines = map[string]registry.PipelineSpec{"charge": {Circuit: "stripe"}}
		apply(t, r, spec)
		return 0, errDown
	})
	require.ErrorIs(t, err, retry.ErrExhausted)
	assert.Equal(t, 2, n)
	assert.Zero(t, circuitOf(t, r, "stripe").Snapshot().Counts.Failures)
	_, _ = l.Do(t.Context(), down)
	assert.EqualValues(t, 1, circuitOf(t, r, "stripe").Snapshot().Counts.Failures)
	assert.Equal(t, "breaker(stripe)", l.String())
}

func TestWhatWasRemovedGoesOnServingThoseThatHoldIt(t *testing.T) {
	r := made(t, shop())
	l, c := liveOf(t, r, "charge"), circuitOf(t, r, "stripe")
	_, _ = l.Do(t.Context(), down)
	assert.Equal(t, registry.Changes{Removed: []string{"circuits.stripe", "pipelines.charge"}}, apply(t, r, registry.Spec{}))
	_, err := registry.Pipeline[int](r, "charge")
	require.Error(t, err)
	_, err = r.Circuit("stripe")
	require.Error(t, err)
	_, _ = l.Do(t.Context(), down)
	assert.Equal(t, breaker.Open, c.State())

	// Declared again, it is the same thing.
	spec := stripe(breaker.Config{FailureThreshold: 7})
	spec.Pipelines["charge"] = registry.PipelineSpec{Circuit: "stripe", AttemptTimeout: time.Second}
	assert.Equal(t, registry.Changes{Added: []string{"circuits.stripe", "pipelines.charge"}}, apply(t, r, spec))
	assert.Same(t, l, liveOf(t, r, "charge"))
	assert.Same(t, c, circuitOf(t, r, "stripe"))
	assert.Equal(t, 7, c.Config().FailureThreshold)
	assert.Equal(t, breaker.Open, c.State())
	assert.Equal(t, "breaker(stripe) > timeout(attempt, 1s)", l.String())
}

func TestAChangeInsideANestedPipelineReachesThoseAround(t *testing.T) {
	spec := shop()
	spec.Pipelines["outer"] = registry.PipelineSpec{Pipeline: "charge"}
	r := made(t, spec)
	l := liveOf(t, r, "outer")
	spec.Pipelines["charge"] = registry.PipelineSpec{AttemptTimeout: time.Second}
	assert.Equal(t, registry.Changes{Changed: []string{"pipelines.charge"}}, apply(t, r, spec))
	assert.Equal(t, "charge(timeout(attempt, 1s))", l.String())
}
