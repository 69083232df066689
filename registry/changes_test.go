package registry_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

func TestChangesShowOnlyWhatThereIs(t *testing.T) {
	one, two := []string{"circuits.a"}, []string{"circuits.b", "circuits.c"}
	for want, c := range map[string]registry.Changes{
		"added circuits.a":                                 {Added: one},
		"changed circuits.a":                               {Changed: one},
		"removed circuits.a":                               {Removed: one},
		"added circuits.a; changed circuits.a":             {Added: one, Changed: one},
		"added circuits.a; removed circuits.a":             {Added: one, Removed: one},
		"changed circuits.a; removed circuits.a":           {Changed: one, Removed: one},
		"added circuits.b, circuits.c; changed circuits.a": {Added: two, Changed: one},
		"changed circuits.a; restarted circuits.a":         {Changed: one, Restarted: one},
	} {
		assert.False(t, c.None(), want)
		assert.Equal(t, want, c.String())
	}
}

// inEach returns a Spec with something of each section, and a pipeline for a family.
func inEach() registry.Spec {
	return registry.Spec{
		Circuits:       map[string]registry.CircuitSpec{"c": {}},
		Budgets:        map[string]registry.BudgetSpec{"b": {}},
		Bulkheads:      map[string]registry.BulkheadSpec{"g": {Config: bulkhead.Config{Limit: 5}}},
		AdaptiveLimits: map[string]registry.AdaptiveLimitSpec{"a": {}},
		RateLimits:     map[string]registry.RateLimitSpec{"l": {Config: ratelimit.Config{Limit: 100}}},
		Throttles:      map[string]registry.ThrottleSpec{"t": {}},
		Pipelines:      map[string]registry.PipelineSpec{"p": {}, "other": {AttemptTimeout: time.Second}},
		Families:       map[string]registry.FamilySpec{"f": ofEach()},
	}
}

// ofEach returns a family whose members have something of each kind.
func ofEach() registry.FamilySpec {
	return registry.FamilySpec{
		Pipeline: "p", Circuit: &registry.CircuitSpec{}, Throttle: &registry.ThrottleSpec{},
		RateLimit: &registry.RateLimitSpec{Config: ratelimit.Config{Limit: 100}},
		Bulkhead:  &registry.BulkheadSpec{Config: bulkhead.Config{Limit: 5}}, AdaptiveLimit: &registry.AdaptiveLimitSpec{},
	}
}

// changed makes one Apply for each change of inEach, and returns what each reports.
func changed(t *testing.T, change func(s *registry.Spec)) registry.Changes {
	t.Helper()
	r := made(t, inEach(), registry.WithFuncs(funcs()))
	spec := inEach()
	change(&spec)
	return apply(t, r, spec)
}

func TestAChangeOfAnyKindIsReported(t *testing.T) {
	anew := func(names ...string) registry.Changes { return registry.Changes{Changed: names, Restarted: names} }
	kept := func(names ...string) registry.Changes { return registry.Changes{Changed: names} }
	for _, one := range []struct {
		want   registry.Changes
		change func(s *registry.Spec)
	}{
		{kept("circuits.c"), func(s *registry.Spec) {
			s.Circuits["c"] = registry.CircuitSpec{Config: breaker.Config{FailureThreshold: 9}}
		}},
		{anew("circuits.c"), func(s *registry.Spec) {
			s.Circuits["c"] = registry.CircuitSpec{Config: breaker.Config{FailureRate: 0.5, Window: time.Second}}
		}},
		{anew("circuits.c"), func(s *registry.Spec) {
			s.Circuits["c"] = registry.CircuitSpec{Config: breaker.Config{FailureRate: 0.5, WindowCalls: 9}}
		}},
		{kept("circuits.c"), func(s *registry.Spec) { s.Circuits["c"] = registry.CircuitSpec{ClassifyBy: "well"} }},
		{kept("budgets.b"), func(s *registry.Spec) {
			s.Budgets["b"] = registry.BudgetSpec{BudgetConfig: retry.BudgetConfig{Window: time.Minute}}
		}},
		{kept("bulkheads.g"), func(s *registry.Spec) {
			s.Bulkheads["g"] = registry.BulkheadSpec{Config: bulkhead.Config{Limit: 6}}
		}},
		{kept("adaptive_limits.a"), func(s *registry.Spec) {
			s.AdaptiveLimits["a"] = registry.AdaptiveLimitSpec{Config: adaptive.Config{Max: 9}}
		}},
		{kept("rate_limits.l"), func(s *registry.Spec) {
			s.RateLimits["l"] = registry.RateLimitSpec{Config: ratelimit.Config{Limit: 99}}
		}},
		{kept("throttles.t"), func(s *registry.Spec) {
			s.Throttles["t"] = registry.ThrottleSpec{Config: throttle.Config{K: 3}}
		}},
		{anew("throttles.t"), func(s *registry.Spec) {
			s.Throttles["t"] = registry.ThrottleSpec{Config: throttle.Config{Window: time.Hour}}
		}},
	} {
		assert.Equal(t, one.want, changed(t, one.change))
	}
}

func TestAChangeOfAnyPartOfAFamilyIsReported(t *testing.T) {
	anew := registry.Changes{Changed: []string{"families.f"}, Restarted: []string{"families.f"}}
	kept := registry.Changes{Changed: []string{"families.f"}}
	for _, one := range []struct {
		want   registry.Changes
		change func(f *registry.FamilySpec)
	}{
		{kept, func(f *registry.FamilySpec) { f.Circuit.FailureThreshold = 9 }},
		{anew, func(f *registry.FamilySpec) { f.Circuit.WindowCalls = 9 }},
		{kept, func(f *registry.FamilySpec) { f.Circuit = nil }},
		{kept, func(f *registry.FamilySpec) { f.Throttle.K = 3 }},
		{anew, func(f *registry.FamilySpec) { f.Throttle.Window = time.Hour }},
		{kept, func(f *registry.FamilySpec) { f.Throttle = nil }},
		{anew, func(f *registry.FamilySpec) { f.Circuit, f.Throttle.Window = nil, time.Hour }},
		{anew, func(f *registry.FamilySpec) { f.Circuit.WindowCalls, f.Throttle = 9, nil }},
		{kept, func(f *registry.FamilySpec) { f.RateLimit.Limit = 99 }},
		{kept, func(f *registry.FamilySpec) { f.RateLimit = nil }},
		{kept, func(f *registry.FamilySpec) { f.Bulkhead.Limit = 6 }},
		{kept, func(f *registry.FamilySpec) { f.Bulkhead = nil }},
		{kept, func(f *registry.FamilySpec) { f.AdaptiveLimit.Max = 9 }},
		{kept, func(f *registry.FamilySpec) { f.AdaptiveLimit = nil }},
		{kept, func(f *registry.FamilySpec) { f.Pipeline = "other" }},
		{kept, func(f *registry.FamilySpec) { f.Max = 9 }},
		{kept, func(f *registry.FamilySpec) { f.Idle = time.Hour }},
		{kept, func(f *registry.FamilySpec) {
			f.Max = 9
			f.Circuit.HalfOpenMaxCalls, f.Throttle.K = breaker.DefaultHalfOpenMaxCalls, 2
		}},
		{registry.Changes{}, func(f *registry.FamilySpec) {
			f.Max, f.Idle = keyed.DefaultMax, keyed.DefaultIdle
			f.Circuit.HalfOpenMaxCalls, f.Throttle.K = breaker.DefaultHalfOpenMaxCalls, 2
		}},
	} {
		assert.Equal(t, one.want, changed(t, func(s *registry.Spec) {
			f := ofEach()
			one.change(&f)
			s.Families["f"] = f
		}))
	}
	part := func(s *registry.Spec) { s.Families["f"] = registry.FamilySpec{Pipeline: "p"} }
	r := made(t, inEach())
	spec := inEach()
	part(&spec)
	assert.Equal(t, kept, apply(t, r, spec))
	assert.Equal(t, kept, apply(t, r, inEach()), "a part that is added begins nothing anew")
}

func TestAChangeOfAnyPartOfAPipelineIsReported(t *testing.T) {
	kept := registry.Changes{Changed: []string{"pipelines.p"}}
	anew := registry.Changes{Changed: []string{"pipelines.p"}, Restarted: []string{"pipelines.p"}}
	budget := retry.NewBudget(retry.BudgetConfig{})
	with := func(entries int) *registry.CacheSpec {
		return &registry.CacheSpec{Key: "key", TTL: time.Minute, MaxEntries: entries}
	}
	stored := with(0)
	stored.Store = "ints"
	retryIf, hedgeIf := func(error) bool { return true }, func(error) bool { return true }
	f := funcs()
	f.Store = map[string]any{"ints": cache.NewMemory[string, int](cache.MemoryConfig{})}
	for name, one := range map[string]struct {
		was, is registry.PipelineSpec
		want    registry.Changes
	}{
		"a cache is added":         {registry.PipelineSpec{}, registry.PipelineSpec{Cache: with(0)}, kept},
		"a cache is removed":       {registry.PipelineSpec{Cache: with(0)}, registry.PipelineSpec{}, kept},
		"a cache gets a size":      {registry.PipelineSpec{Cache: with(0)}, registry.PipelineSpec{Cache: with(5)}, anew},
		"its default is written":   {registry.PipelineSpec{Cache: with(0)}, registry.PipelineSpec{Cache: with(10_000)}, registry.Changes{}},
		"a cache gets a store":     {registry.PipelineSpec{Cache: with(0)}, registry.PipelineSpec{Cache: stored}, anew},
		"a timeout beside a store": {registry.PipelineSpec{Cache: stored}, registry.PipelineSpec{Cache: stored, TotalTimeout: 1}, kept},
		"a retry is added":         {registry.PipelineSpec{}, registry.PipelineSpec{Retry: &registry.RetrySpec{}}, kept},
		"its defaults are written": {
			registry.PipelineSpec{Retry: &registry.RetrySpec{}},
			registry.PipelineSpec{Retry: &registry.RetrySpec{Config: retry.Config{MaxAttempts: 3}, BackoffName: "exponential"}}, registry.Changes{},
		},
		"a retry gets a function": {
			registry.PipelineSpec{Retry: &registry.RetrySpec{}},
			registry.PipelineSpec{Retry: &registry.RetrySpec{Config: retry.Config{RetryIf: retryIf}}}, kept,
		},
		"a retry keeps its function": {
			registry.PipelineSpec{Retry: &registry.RetrySpec{Config: retry.Config{RetryIf: retryIf}}},
			registry.PipelineSpec{Retry: &registry.RetrySpec{Config: retry.Config{RetryIf: retryIf}}}, registry.Changes{},
		},
		"a retry gets another function": {
			registry.PipelineSpec{Retry: &registry.RetrySpec{Config: retry.Config{RetryIf: retryIf}}},
			registry.PipelineSpec{Retry: &registry.RetrySpec{Config: retry.Config{RetryIf: hedgeIf}}}, kept,
		},
		"a hedge is removed": {registry.PipelineSpec{Hedge: &registry.HedgeSpec{}}, registry.PipelineSpec{}, kept},
		"the defaults of a hedge are written": {
			registry.PipelineSpec{Hedge: &registry.HedgeSpec{}},
			registry.PipelineSpec{Hedge: &registry.HedgeSpec{Config: hedge.Config{Quantile: 0.95}}}, registry.Changes{},
		},
		"a hedge gets a budget": {
			registry.PipelineSpec{Hedge: &registry.HedgeSpec{}},
			registry.PipelineSpec{Hedge: &registry.HedgeSpec{Config: hedge.Config{Budget: budget}}}, kept,
		},
		"a hedge gets another budget of the same config": {
			registry.PipelineSpec{Hedge: &registry.HedgeSpec{Config: hedge.Config{Budget: retry.NewBudget(retry.BudgetConfig{})}}},
			registry.PipelineSpec{Hedge: &registry.HedgeSpec{Config: hedge.Config{Budget: budget}}}, kept,
		},
		"a hedge keeps its budget": {
			registry.PipelineSpec{Hedge: &registry.HedgeSpec{Config: hedge.Config{Budget: budget}}},
			registry.PipelineSpec{Hedge: &registry.HedgeSpec{Config: hedge.Config{Budget: budget}}}, registry.Changes{},
		},
	} {
		r := made(t, registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": one.was}}, registry.WithFuncs(f))
		liveOf(t, r, "p")
		assert.Equal(t, one.want, apply(t, r, registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": one.is}}), name)
	}
}

func TestChangesAreSortedAcrossSections(t *testing.T) {
	spec := func(n int) registry.Spec {
		s := registry.Spec{Circuits: map[string]registry.CircuitSpec{}, Budgets: map[string]registry.BudgetSpec{}, Throttles: map[string]registry.ThrottleSpec{}}
		for i := range 9 {
			name := strconv.Itoa(i)
			s.Circuits[name] = registry.CircuitSpec{Config: breaker.Config{WindowCalls: 10 + n}}
			s.Budgets[name] = registry.BudgetSpec{BudgetConfig: retry.BudgetConfig{Ratio: 0.1 * float64(n)}}
			s.Throttles[name] = registry.ThrottleSpec{Config: throttle.Config{Window: time.Duration(n) * time.Minute}}
		}
		return s
	}
	r := made(t, registry.Spec{})
	added := apply(t, r, spec(1)).Added
	assert.Len(t, added, 27)
	assert.True(t, slices.IsSorted(added), added)
	c := apply(t, r, spec(2))
	assert.Equal(t, added, c.Changed)
	assert.Len(t, c.Restarted, 18)
	assert.True(t, slices.IsSorted(c.Restarted), c.Restarted)
	assert.Equal(t, added, apply(t, r, registry.Spec{}).Removed)
}

// To compare what budgets hold would race with the calls that use them.
func TestABudgetWithAClockIsTheSameOnlyIfItIsOne(t *testing.T) {
	clk := fake.NewClock()
	with := func(b *retry.Budget) registry.Spec {
		return piped(registry.PipelineSpec{Retry: &registry.RetrySpec{Config: retry.Config{Budget: b}}})
	}
	one, other := retry.NewBudget(retry.BudgetConfig{Clock: clk}), retry.NewBudget(retry.BudgetConfig{Clock: clk})
	r := made(t, with(one))
	assert.True(t, apply(t, r, with(one)).None())
	assert.Equal(t, []string{"pipelines.p"}, apply(t, r, with(other)).Changed)
}
