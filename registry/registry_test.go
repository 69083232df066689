package registry_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

func TestTheZeroSpecIsEmptyAndValid(t *testing.T) {
	require.NoError(t, registry.Spec{}.Validate())
	r := made(t, registry.Spec{})
	assert.Empty(t, r.Names())
	assert.Zero(t, r.Snapshot().Revision)
	_, err := registry.Pipeline[int](r, "charge")
	assert.EqualError(t, err, "registry: pipelines.charge: not declared, there are no pipelines")
}

// everything returns a Spec with every policy of the library in one pipeline.
func everything() registry.Spec {
	return registry.Spec{
		Circuits:       map[string]registry.CircuitSpec{"c": {ClassifyBy: "well"}},
		Budgets:        map[string]registry.BudgetSpec{"b": {}},
		Bulkheads:      map[string]registry.BulkheadSpec{"g": {Config: bulkhead.Config{Limit: 5}}},
		AdaptiveLimits: map[string]registry.AdaptiveLimitSpec{"a": {Config: adaptive.Config{Initial: 7}, ClassifyBy: "well"}},
		RateLimits:     map[string]registry.RateLimitSpec{"l": {Config: ratelimit.Config{Limit: 100}}},
		Throttles:      map[string]registry.ThrottleSpec{"t": {ClassifyBy: "well"}},
		Pipelines: map[string]registry.PipelineSpec{
			"inner": {AttemptTimeout: time.Second},
			"all": {
				Fallback: "zero", Cache: &registry.CacheSpec{Key: "key", TTL: time.Minute, NegativeName: "never", NegativeTTL: 1},
				Coalesce: &registry.CoalesceSpec{Key: "key"}, TotalTimeout: 10 * time.Second,
				Retry:   &registry.RetrySpec{BudgetName: "b", RetryIfName: "never", BackoffName: "fibonacci"},
				Hedge:   &registry.HedgeSpec{BudgetName: "b"},
				Circuit: "c", Throttle: "t", RateLimit: "l", AttemptTimeout: 3 * time.Second,
				Bulkhead: "g", AdaptiveLimit: "a",
				Chaos: &registry.ChaosSpec{Config: chaos.Config{Rate: 0.25}, Error: "chaos"}, Pipeline: "inner", Abandon: true,
			},
		},
	}
}

func TestEveryPolicyStandsInItsPlace(t *testing.T) {
	r := made(t, everything(), registry.WithFuncs(funcs()))
	l := liveOf(t, r, "all")
	assert.Equal(t, "fallback(zero) > cache(1m0s) > coalesce > timeout(total, 10s) > retry(3) > hedge(p95) > breaker(c) > "+
		"throttle(t) > ratelimit(l, 100/1s) > timeout(attempt, 3s) > bulkhead(g, 5) > adaptive(a) > chaos(fault 25%) > "+
		"inner(timeout(attempt, 1s))", normal(l.String()))
	assert.Equal(t, "all", l.Name())
	assert.Empty(t, l.Key())
	assert.Equal(t, l.String(), r.Snapshot().Pipelines["all"].Text)
	v, err := l.Do(t.Context(), ok)
	require.NoError(t, err)
	assert.Equal(t, 1, v)
}

// normal leaves the current limit of an adaptive limiter out of a text.
func normal(text string) string {
	before, after, _ := strings.Cut(text, "adaptive(a")
	_, after, _ = strings.Cut(after, ")")
	return before + "adaptive(a)" + after
}

func TestOnePipelineAndTypeIsOneLive(t *testing.T) {
	r := made(t, shop())
	a, b := liveOf(t, r, "charge"), liveOf(t, r, "charge")
	assert.Same(t, a, b)
	text, err := registry.Pipeline[string](r, "charge")
	require.NoError(t, err)
	_, _ = a.Do(t.Context(), down)
	_, _ = text.Do(t.Context(), func(context.Context) (string, error) { return "", errDown })
	assert.Equal(t, breaker.Open, circuitOf(t, r, "stripe").State(), "the types share the circuit")
	_, err = a.Do(t.Context(), ok)
	assert.ErrorIs(t, err, breaker.ErrOpen)
}

func TestUnknownNamesAreErrorsWithTheNearest(t *testing.T) {
	r := made(t, everything(), registry.WithFuncs(funcs()))
	_, err := registry.Pipeline[int](r, "iner")
	assert.EqualError(t, err, "registry: pipelines.iner: not declared, did you mean inner?")
	_, err = registry.Keyed[int](r, "hosts")
	assert.EqualError(t, err, "registry: families.hosts: not declared, there are no families")
	for section, get := range map[string]func(string) (any, error){
		"circuits.c":        func(n string) (any, error) { return r.Circuit(n) },
		"budgets.b":         func(n string) (any, error) { return r.Budget(n) },
		"bulkheads.g":       func(n string) (any, error) { return r.Bulkhead(n) },
		"adaptive_limits.a": func(n string) (any, error) { return r.AdaptiveLimit(n) },
		"rate_limits.l":     func(n string) (any, error) { return r.RateLimit(n) },
		"throttles.t":       func(n string) (any, error) { return r.Throttle(n) },
	} {
		section, name, _ := strings.Cut(section, ".")
		v, err := get(name)
		require.NoError(t, err)
		if v, ok := v.(interface{ Name() string }); ok { // a budget has no such method
			assert.Equal(t, name, v.Name())
		}
		_, err = get("other")
		assert.EqualError(t, err, "registry: "+section+".other: not declared, declared are "+name)
		fault := new(registry.Error)
		require.ErrorAs(t, err, &fault)
		assert.Equal(t, section+".other", fault.Path)
	}
	assert.Len(t, r.Snapshot().Circuits, 1, "none is created")
}

func TestTheObserverGetsTheEventsOfAllPipelines(t *testing.T) {
	rec := fake.NewRecorder()
	spec := shop()
	spec.Pipelines["outer"] = registry.PipelineSpec{Retry: &registry.RetrySpec{Config: retry.Config{MaxAttempts: 1}}, Pipeline: "charge"}
	r := made(t, spec, registry.WithObserver(rec.Observe))
	_, _ = liveOf(t, r, "outer").Do(t.Context(), down)
	_, _ = liveOf(t, r, "charge").Do(t.Context(), down)
	var got []string
	for _, e := range rec.Events() {
		got = append(got, e.Pipeline+" "+string(e.Kind))
	}
	assert.Equal(t, []string{
		"outer started", "charge started", "charge judged", "charge finished", "outer attempted", "outer gave_up", "outer finished",
		"charge started", "charge judged", "charge state_changed", "charge finished",
	}, got)
}

func TestEverythingRunsOnTheClockAndTheRandOfTheRegistry(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	drawn := 0
	spec := shop()
	spec.Pipelines["charge"] = registry.PipelineSpec{Retry: &registry.RetrySpec{Config: retry.Config{BaseDelay: time.Second, JitterFactor: 0.5}}, Circuit: "stripe"}
	r := made(t, spec, registry.WithClock(clk), registry.WithRand(func() float64 { drawn++; return 0.5 }))
	_, err := liveOf(t, r, "charge").Do(t.Context(), down)
	require.ErrorIs(t, err, errDown)
	assert.Equal(t, []time.Duration{time.Second}, clk.Sleeps(), "the circuit opens at the second failure")
	assert.Positive(t, drawn)
	clk.Advance(time.Minute)
	assert.Equal(t, breaker.HalfOpen, circuitOf(t, r, "stripe").State())
	assert.Equal(t, policy.Clock(clk), r.Clock())
	assert.Equal(t, policy.Clock(clk), liveOf(t, r, "charge").Clock())
	assert.Equal(t, clk.Now(), r.Snapshot().At.Add(time.Minute+time.Second))
}

func TestANilObserverIsNone(t *testing.T) {
	r := made(t, shop(), registry.WithObserver(nil), registry.WithClock(nil), registry.WithRand(nil))
	_, err := liveOf(t, r, "charge").Do(t.Context(), ok)
	assert.NoError(t, err)
}

func TestALaterChangeOfTheCallersSpecChangesNothing(t *testing.T) {
	spec := everything()
	spec.Families = map[string]registry.FamilySpec{"f": {Pipeline: "all", Circuit: &registry.CircuitSpec{}, Bulkhead: &registry.BulkheadSpec{Config: bulkhead.Config{Limit: 5}}}}
	f := funcs()
	r := made(t, spec, registry.WithFuncs(f))
	before := r.Snapshot()
	spec.Families["f"].Circuit.FailureThreshold = 1
	spec.Families["f"].Bulkhead.Limit = 1
	spec.Pipelines["all"].Cache.TTL = time.Hour
	spec.Circuits["c"] = registry.CircuitSpec{Config: breaker.Config{FailureThreshold: 1}}
	spec.Pipelines["all"].Retry.MaxAttempts = 7
	delete(f.RetryIf, "never")
	assert.Equal(t, before.Values, r.Snapshot().Values)
	assert.Contains(t, liveOf(t, r, "all").String(), "retry(3)")
}

func TestNamedBackoffsShapeTheDelay(t *testing.T) {
	want := map[string][]time.Duration{
		"":             {1, 2, 4},
		"exponential":  {1, 2, 4},
		"full_jitter":  {0, 1, 2}, // half of 1, 2, 4 s, in whole seconds
		"equal_jitter": {0, 1, 3},
		"decorrelated": {2, 3, 5},
		"fibonacci":    {1, 1, 2},
		"linear":       {1, 2, 3},
		"constant":     {1, 1, 1},
		"own":          {7, 7, 7},
	}
	for name, seconds := range want {
		clk := fake.NewClock(fake.AutoAdvance())
		f := funcs()
		f.Backoff = map[string]retry.Backoff{"own": retry.Constant(7 * time.Second)}
		spec := registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": {Retry: &registry.RetrySpec{
			BackoffName: name, Config: retry.Config{MaxAttempts: 4, BaseDelay: time.Second, MaxDelay: time.Minute, JitterFactor: retry.NoJitter},
		}}}}
		r := made(t, spec, registry.WithClock(clk), registry.WithFuncs(f), registry.WithRand(fake.Rand(0.5)))
		_, _ = liveOf(t, r, "p").Do(t.Context(), down)
		var got []time.Duration
		for _, d := range clk.Sleeps() {
			got = append(got, d/time.Second)
		}
		assert.Equal(t, seconds, got, name)
	}
}

func TestAFallbackOfAnotherTypeIsRefused(t *testing.T) {
	spec := registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": {Fallback: "text"}, "outer": {Pipeline: "p"}}}
	r := made(t, spec, registry.WithFuncs(funcs()))
	for _, name := range []string{"p", "outer"} {
		_, err := registry.Pipeline[int](r, name)
		assert.EqualError(t, err, `registry: pipelines.p.fallback is "text", a func(context.Context, error) (string, error), `+
			`want a func(context.Context, error) (int, error) for this pipeline's type`)
	}
	_, err := registry.Pipeline[string](r, "outer")
	assert.NoError(t, err)

	spec.Pipelines["p"] = registry.PipelineSpec{Fallback: "zero"}
	_, err = r.Apply(spec)
	assert.ErrorContains(t, err, "pipelines.p.fallback", "a pipeline of strings is in use")
	assert.Equal(t, "p(fallback(text))", r.Snapshot().Pipelines["outer"].Text)
}

func TestChangesReadAsALine(t *testing.T) {
	assert.Equal(t, "no changes", registry.Changes{}.String())
	c := registry.Changes{
		Added: []string{"pipelines.a", "pipelines.b"}, Changed: []string{"circuits.stripe"},
		Removed: []string{"budgets.old"}, Restarted: []string{"circuits.stripe"},
	}
	assert.Equal(t, "added pipelines.a, pipelines.b; changed circuits.stripe; removed budgets.old; restarted circuits.stripe", fmt.Sprint(c))
}
