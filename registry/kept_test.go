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
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

// What was reconfigured in code stays so until a reload changes its declaration.
func TestAReloadReconfiguresOnlyWhatItChanges(t *testing.T) {
	spec := hosts(registry.FamilySpec{Circuit: ownCircuit(3)})
	r := made(t, spec)
	f := familyOf(t, r, "hosts")
	f.Get("a")
	own, _ := f.Circuit("a")
	both := []*breaker.Circuit{circuitOf(t, r, "stripe"), own}
	for _, c := range both {
		cfg := c.Config()
		cfg.FailureThreshold = 77
		require.NoError(t, c.Reconfigure(cfg))
	}
	for _, name := range []string{"x", "y"} {
		spec.Circuits[name] = registry.CircuitSpec{}
		apply(t, r, spec)
		for _, c := range both {
			assert.Equal(t, 77, c.Config().FailureThreshold)
		}
	}
	spec.Circuits["stripe"] = registry.CircuitSpec{Config: breaker.Config{FailureThreshold: 4}}
	spec.Families["hosts"] = registry.FamilySpec{Pipeline: "charge", Circuit: ownCircuit(4)}
	apply(t, r, spec)
	for _, c := range both {
		assert.Equal(t, 4, c.Config().FailureThreshold)
	}
}

func TestWhatIsDeclaredAgainWithoutValuesHasTheDefaults(t *testing.T) {
	r := made(t, stripe(breaker.Config{FailureThreshold: 9}))
	c := circuitOf(t, r, "stripe")
	apply(t, r, registry.Spec{})
	assert.Equal(t, 9, c.Config().FailureThreshold)
	apply(t, r, stripe(breaker.Config{}))
	assert.Same(t, c, circuitOf(t, r, "stripe"))
	assert.Equal(t, breaker.DefaultFailureThreshold, c.Config().FailureThreshold)
}

func TestNewcomersOfAFullFamilyShareItsLimits(t *testing.T) {
	limits := func(limit int) registry.Spec {
		return hosts(registry.FamilySpec{
			Max: 1, Circuit: ownCircuit(1), Bulkhead: &registry.BulkheadSpec{Config: bulkhead.Config{Limit: limit}},
			RateLimit: &registry.RateLimitSpec{Config: ratelimit.Config{Limit: 10, Burst: 10}}, AdaptiveLimit: &registry.AdaptiveLimitSpec{},
			Throttle: &registry.ThrottleSpec{},
		})
	}
	r := made(t, limits(1), registry.WithClock(fake.NewClock()))
	f := familyOf(t, r, "hosts")
	_, _ = f.Get("a").Do(t.Context(), down)
	inside := func() (err error) {
		_, _ = f.Get("b").Do(t.Context(), func(ctx context.Context) (int, error) {
			_, err = f.Get("c").Do(ctx, ok)
			return 0, errDown
		})
		return err
	}
	require.ErrorIs(t, inside(), bulkhead.ErrFull)
	apply(t, r, limits(2))
	require.NoError(t, inside())
	c, ok := r.Snapshot().Families["hosts"].Description.Inner[0].Config.(breaker.Config)
	require.True(t, ok)
	assert.False(t, c.Shadow, "a member's circuit refuses calls")
}

func TestAForgottenMemberFollowsNoReload(t *testing.T) {
	r := made(t, hosts(registry.FamilySpec{Circuit: ownCircuit(3)}))
	f := familyOf(t, r, "hosts")
	a := f.Get("a")
	c, _ := f.Circuit("a")
	require.True(t, f.Forget("a"))
	spec := hosts(registry.FamilySpec{Circuit: ownCircuit(2)})
	spec.Pipelines["charge"] = registry.PipelineSpec{AttemptTimeout: time.Second}
	apply(t, r, spec)
	assert.Equal(t, "breaker(hosts)", a.String())
	assert.Equal(t, 3, c.Config().FailureThreshold)
	assert.Equal(t, "breaker(hosts) > timeout(attempt, 1s)", f.Get("a").String())
}

func TestAMemberIsKeptWhileCallsRunWithItAndNoLonger(t *testing.T) {
	clk := fake.NewClock()
	r := made(t, hosts(registry.FamilySpec{}), registry.WithClock(clk))
	f := familyOf(t, r, "hosts")
	found := func(key string) bool { _, ok := f.Lookup(key); return ok }
	_, err := f.Policy(keyOf).Execute(withKey(t.Context(), "a"), policy.CallOf(func(context.Context) (int, error) {
		clk.Advance(2 * keyed.DefaultIdle)
		f.Get("b")
		assert.True(t, found("a"))
		return 1, nil
	}))
	require.NoError(t, err)
	clk.Advance(2 * keyed.DefaultIdle)
	f.Get("c")
	assert.False(t, found("a"))
}

// The two pipelines are declared alike, but each has a cache of its own.
func TestAFamilyThatMovesToAnEqualPipelineUsesThatOne(t *testing.T) {
	spec := func(name string) registry.Spec {
		p := registry.PipelineSpec{Cache: &registry.CacheSpec{Key: "key", TTL: time.Minute}}
		return registry.Spec{
			Pipelines: map[string]registry.PipelineSpec{"p": p, "q": p},
			Families:  map[string]registry.FamilySpec{"f": {Pipeline: name}},
		}
	}
	r := made(t, spec("p"), registry.WithFuncs(funcs()))
	l := familyOf(t, r, "f").Get("a")
	ctx := withKey(t.Context(), "k")
	_, err := l.Do(ctx, ok)
	require.NoError(t, err)
	apply(t, r, spec("q"))
	_, err = l.Do(ctx, down)
	require.ErrorIs(t, err, errDown)
	apply(t, r, spec("p"))
	_, err = l.Do(ctx, down)
	assert.NoError(t, err, "what was kept is there again")
}

func TestAReloadLeavesDefaultsWithTheirOrigin(t *testing.T) {
	spec := everything()
	spec.Pipelines["all"].Retry.BackoffName = ""
	spec.Families = map[string]registry.FamilySpec{"f": {Pipeline: "inner", Circuit: &registry.CircuitSpec{}, Throttle: &registry.ThrottleSpec{}}}
	r := made(t, spec, registry.WithFuncs(funcs()))
	before := r.Snapshot().Values
	p := spec.Pipelines["all"]
	p.Abandon = false
	spec.Pipelines["all"] = p
	f := spec.Families["f"]
	f.Max = 7
	spec.Families["f"] = f
	require.Equal(t, []string{"families.f", "pipelines.all"}, apply(t, r, spec).Changed)
	p.Abandon = true
	spec.Pipelines["all"] = p
	f.Max = 0
	spec.Families["f"] = f
	require.Equal(t, []string{"families.f", "pipelines.all"}, apply(t, r, spec).Changed)
	assert.Equal(t, before, r.Snapshot().Values)
	assert.Contains(t, before, registry.Value{Path: "pipelines.all.retry.backoff", Value: "exponential", Origin: "default"})
}

func TestADefaultThatIsWrittenOutIsStillShownAsOne(t *testing.T) {
	r := made(t, shop())
	before := r.Snapshot().Values
	spec := shop()
	c := spec.Circuits["stripe"]
	c.SuccessThreshold = 1
	spec.Circuits["stripe"] = c
	assert.True(t, apply(t, r, spec).None())
	assert.Equal(t, before, r.Snapshot().Values)
}

func TestOneWatcherCanStopAnother(t *testing.T) {
	r := made(t, shop())
	told := map[string]int{}
	var stopSecond func()
	stopFirst := r.Watch(func(registry.Changes) {
		told["first"]++
		stopSecond()
	})
	stopSecond = r.Watch(func(registry.Changes) { told["second"]++ })
	r.Watch(func(c registry.Changes) {
		told["third"]++
		assert.False(t, c.None())
	})
	apply(t, r, registry.Spec{})
	assert.Equal(t, map[string]int{"first": 1, "third": 1}, told)
	apply(t, r, registry.Spec{})
	stopFirst()
	apply(t, r, shop())
	assert.Equal(t, map[string]int{"first": 1, "third": 2}, told)
}

func TestEachKindRunsOnTheClockOfTheRegistry(t *testing.T) {
	clk := fake.NewClock()
	spec := inEach()
	spec.Budgets["b"] = registry.BudgetSpec{BudgetConfig: retry.BudgetConfig{MinPerSecond: retry.NoMinimum, Window: time.Minute}}
	drawn := 0
	r := made(t, spec, registry.WithClock(clk), registry.WithRand(func() float64 { drawn++; return 0 }))
	b, err := r.Budget("b")
	require.NoError(t, err)
	b.Call()
	y, err := r.Throttle("t")
	require.NoError(t, err)
	for range 50 {
		if p, err := y.Acquire(t.Context()); err == nil {
			p.Record(policy.Failure)
		}
	}
	assert.Positive(t, drawn)
	assert.Positive(t, y.Snapshot().Requests)
	g, err := r.Bulkhead("g")
	require.NoError(t, err)
	a, err := r.AdaptiveLimit("a")
	require.NoError(t, err)
	l, err := r.RateLimit("l")
	require.NoError(t, err)
	for _, on := range []policy.Clock{g.Config().Clock, a.Config().Clock, l.Clock(), y.Clock()} {
		assert.Equal(t, policy.Clock(clk), on)
	}
	clk.Advance(2 * time.Hour)
	assert.Zero(t, b.Snapshot().Calls)
	assert.Zero(t, y.Snapshot().Requests)
}

func TestAZeroRegistryIsRecognized(t *testing.T) {
	assert.NoError(t, origin.Registry(made(t, shop())))
	assert.EqualError(t, origin.Registry(new(registry.Registry)), "registry: zero Registry, want one made by New")
	assert.EqualError(t, origin.Registry((*registry.Registry)(nil)), "registry: Registry is nil, want one made by New")
}
