package registry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
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

// cached returns a Spec whose pipeline caches by keyOf.
func cached(c registry.CacheSpec) registry.Spec {
	return registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": {Cache: &c}}}
}

func TestAChangedCacheKeepsItsEntries(t *testing.T) {
	clk := fake.NewClock()
	r := made(t, cached(registry.CacheSpec{Key: "key", TTL: time.Minute}), registry.WithFuncs(funcs()), registry.WithClock(clk))
	l := liveOf(t, r, "p")
	ctx := withKey(t.Context(), "k")
	_, err := l.Do(ctx, ok)
	require.NoError(t, err)
	hit := func() bool { v, err := l.Do(ctx, down); return v == 1 && err == nil }
	require.True(t, hit())
	assert.Equal(t, registry.Changes{Changed: []string{"pipelines.p"}}, apply(t, r, cached(registry.CacheSpec{Key: "key", TTL: time.Hour})))
	assert.True(t, hit())
	unrelated := cached(registry.CacheSpec{Key: "key", TTL: time.Hour})
	p := unrelated.Pipelines["p"]
	p.TotalTimeout = time.Second
	unrelated.Pipelines["p"] = p
	apply(t, r, unrelated)
	assert.True(t, hit())
	assert.Equal(t, registry.Changes{Changed: []string{"pipelines.p"}, Restarted: []string{"pipelines.p"}},
		apply(t, r, cached(registry.CacheSpec{Key: "key", TTL: time.Hour, MaxEntries: 5})))
	assert.False(t, hit())
}

func TestTheCacheOfANestedPipelineIsThatOfThePipeline(t *testing.T) {
	spec := cached(registry.CacheSpec{Key: "key", TTL: time.Minute})
	spec.Pipelines["outer"] = registry.PipelineSpec{Pipeline: "p"}
	r := made(t, spec, registry.WithFuncs(funcs()))
	ctx := withKey(t.Context(), "k")
	_, err := liveOf(t, r, "outer").Do(ctx, ok)
	require.NoError(t, err)
	v, err := liveOf(t, r, "p").Do(ctx, down)
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	text, err := registry.Pipeline[string](r, "p")
	require.NoError(t, err)
	_, err = text.Do(ctx, func(context.Context) (string, error) { return "", errDown })
	assert.ErrorIs(t, err, errDown, "another type has a cache of its own")
}

func TestCallsOfOneFlightShareItAcrossAReload(t *testing.T) {
	spec := func(timeout time.Duration) registry.Spec {
		return registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": {Coalesce: &registry.CoalesceSpec{Key: "key"}, TotalTimeout: timeout}}}
	}
	r := made(t, spec(time.Hour), registry.WithFuncs(funcs()))
	l := liveOf(t, r, "p")
	ctx := withKey(t.Context(), "k")
	begun, end, joined := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		_, err := l.Do(ctx, func(context.Context) (int, error) {
			close(begun)
			<-end
			return 1, nil
		})
		joined <- err
	}()
	<-begun
	apply(t, r, spec(time.Minute))
	rec := fake.NewRecorder()
	watched := policy.NewChain("", []policy.Listener{{Observe: func(ctx context.Context, e policy.Event) {
		rec.Observe(ctx, e)
		if e.Kind == policy.Joined {
			close(end)
		}
	}}}, policy.Policy[int](l))
	v, err := watched.Call(down).Do(ctx)
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	assert.NoError(t, <-joined)
}

func TestAHedgeThatChangesKeepsWhatItHasLearned(t *testing.T) {
	clk := fake.NewClock()
	spec := func(h registry.HedgeSpec) registry.Spec {
		h.MinCalls = 20
		return registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": {Hedge: &h}}}
	}
	r := made(t, spec(registry.HedgeSpec{}), registry.WithClock(clk))
	l := liveOf(t, r, "p")
	for range 20 {
		_, err := l.Do(t.Context(), func(context.Context) (int, error) { clk.Advance(time.Second); return 1, nil })
		require.NoError(t, err)
	}
	changed := registry.HedgeSpec{}
	changed.MaxExtra = 2
	assert.Equal(t, registry.Changes{Changed: []string{"pipelines.p"}}, apply(t, r, spec(changed)))
	done := make(chan error)
	go func() {
		_, err := l.Do(t.Context(), func(ctx context.Context) (int, error) {
			if policy.Speculative(ctx) {
				return 1, nil
			}
			<-ctx.Done()
			return 0, ctx.Err()
		})
		done <- err
	}()
	require.NoError(t, clk.BlockUntil(t.Context(), 1))
	d, waits := clk.AdvanceToNext()
	require.True(t, waits)
	assert.InDelta(t, time.Second, d, float64(200*time.Millisecond))
	assert.NoError(t, <-done)
}

func TestUnchangedChaosGoesOnWithItsSequence(t *testing.T) {
	spec := func(timeout time.Duration) registry.Spec {
		return registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": {
			TotalTimeout: timeout, Chaos: &registry.ChaosSpec{Config: chaos.Config{Rate: 0.5, Enabled: true, Seed: 7}, Error: "chaos"},
		}}}
	}
	results := func(reload bool) (all []bool) {
		r := made(t, spec(time.Hour))
		l := liveOf(t, r, "p")
		for i := range 40 {
			if reload {
				apply(t, r, spec(time.Hour+time.Duration(i)))
			}
			_, err := l.Do(t.Context(), ok)
			all = append(all, errors.Is(err, chaos.ErrInjected))
		}
		return all
	}
	assert.Equal(t, results(false), results(true))
	assert.Contains(t, results(true), true)
	assert.Contains(t, results(true), false)
}

func TestChaosThatWaitsAndFailsDoesBothInTheSameCalls(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	cfg := chaos.Config{Rate: 1, Enabled: true}
	for _, one := range []registry.ChaosSpec{{Config: cfg, Error: "gone", Latency: time.Second}, {Config: cfg, Latency: time.Second}, {Config: cfg, Error: "gone"}} {
		r := made(t, registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": {Chaos: &one}}}, registry.WithClock(clk))
		began := clk.Now()
		_, err := liveOf(t, r, "p").Do(t.Context(), ok)
		assert.Equal(t, one.Latency, clk.Now().Sub(began))
		if one.Error == "" {
			assert.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, chaos.ErrInjected)
		assert.ErrorContains(t, err, "gone")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = liveOf(t, r, "p").Do(ctx, ok)
		assert.ErrorIs(t, err, context.Canceled)
	}
}
