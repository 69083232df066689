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
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/throttle"
)

// hosts returns a Spec with a family, hosts, of the pipeline charge of shop, with a circuit
// for each key.
func hosts(f registry.FamilySpec) registry.Spec {
	spec := shop()
	f.Pipeline = "charge"
	spec.Families = map[string]registry.FamilySpec{"hosts": f}
	return spec
}

func ownCircuit(threshold int) *registry.CircuitSpec {
	return &registry.CircuitSpec{Config: breaker.Config{FailureThreshold: threshold}}
}

func TestEachMemberHasACircuitWhereThatOfItsPipelineWouldBe(t *testing.T) {
	r := made(t, hosts(registry.FamilySpec{Circuit: ownCircuit(1)}))
	f := familyOf(t, r, "hosts")
	_, _ = f.Get("a").Do(t.Context(), down)
	_, err := f.Get("a").Do(t.Context(), ok)
	require.ErrorIs(t, err, breaker.ErrOpen)
	_, err = f.Get("b").Do(t.Context(), ok)
	require.NoError(t, err)
	assert.Zero(t, circuitOf(t, r, "stripe").Snapshot().Counts)
	assert.Equal(t, "breaker(hosts)", f.Get("a").String())
	assert.Equal(t, "hosts", f.Get("a").Name())
	assert.Equal(t, "a", f.Get("a").Key())
	assert.Same(t, f.Get("a"), f.Get("a"))
	c, ok := f.Circuit("a")
	require.True(t, ok)
	assert.Equal(t, breaker.Open, c.State())
	_, ok = f.Circuit("c")
	assert.False(t, ok)

	text, err := registry.Keyed[string](r, "hosts")
	require.NoError(t, err)
	_, err = text.Get("a").Do(t.Context(), func(context.Context) (string, error) { return "", nil })
	assert.ErrorIs(t, err, breaker.ErrOpen, "the types share the circuit")
}

func TestMembersCanBeListedLookedUpAndForgotten(t *testing.T) {
	rec := fake.NewRecorder()
	r := made(t, hosts(registry.FamilySpec{}), registry.WithObserver(rec.Observe))
	f := familyOf(t, r, "hosts")
	_, found := f.Lookup("a")
	assert.False(t, found)
	a := f.Get("a")
	f.Get("b")
	all := map[string]*registry.Live[int]{}
	for k, l := range f.All() {
		all[k] = l
	}
	assert.Len(t, all, 2)
	assert.Same(t, a, all["a"])
	for range f.All() {
		break
	}
	l, found := f.Lookup("a")
	assert.True(t, found)
	assert.Same(t, a, l)
	_, found = f.Circuit("a")
	assert.False(t, found, "the family declares none")
	assert.Equal(t, 2, f.Len())
	assert.Equal(t, "hosts", f.Name())
	assert.True(t, f.Forget("a"))
	assert.False(t, f.Forget("a"))
	assert.Equal(t, []policy.Event{{Kind: policy.Forgotten, Pipeline: "hosts", Key: "a"}}, rec.Events())
	assert.Equal(t, 1, r.Snapshot().Families["hosts"].Members)
	assert.NotSame(t, a, f.Get("a"))
	_, err := a.Do(t.Context(), ok)
	assert.NoError(t, err, "what was forgotten goes on serving those that hold it")
}

func TestEventsOfAMemberCarryTheFamilyAndTheKey(t *testing.T) {
	rec := fake.NewRecorder()
	spec := hosts(registry.FamilySpec{Circuit: ownCircuit(1)})
	spec.Pipelines["charge"] = registry.PipelineSpec{Circuit: "stripe", Pipeline: "inner"}
	spec.Pipelines["inner"] = registry.PipelineSpec{AttemptTimeout: time.Second}
	r := made(t, spec, registry.WithObserver(rec.Observe))
	f := familyOf(t, r, "hosts")
	_, _ = f.Get("a").Do(t.Context(), down)
	byPolicy := f.Policy(keyOf)
	_, _ = pipeline.New(byPolicy).Do(withKey(t.Context(), "b"), down)
	want := []string{}
	for _, key := range []string{"a", "b"} {
		want = append(want, "hosts "+key+" started", "inner "+key+" started", "inner "+key+" finished",
			"hosts "+key+" judged", "hosts "+key+" state_changed", "hosts "+key+" finished")
	}
	var got []string
	for _, e := range rec.Events() {
		got = append(got, e.Pipeline+" "+e.Key+" "+string(e.Kind))
	}
	assert.Equal(t, want, got)
}

// nested returns a Spec with a family whose pipeline has two others inside.
func nested() registry.Spec {
	spec := hosts(registry.FamilySpec{})
	spec.Pipelines["charge"] = registry.PipelineSpec{Pipeline: "inner"}
	spec.Pipelines["inner"] = registry.PipelineSpec{AttemptTimeout: time.Second, Pipeline: "innermost"}
	spec.Pipelines["innermost"] = registry.PipelineSpec{}
	return spec
}

func TestAForgottenMemberIsReportedOfThePipelinesInsideToo(t *testing.T) {
	rec := fake.NewRecorder()
	r := made(t, nested(), registry.WithObserver(rec.Observe))
	f := familyOf(t, r, "hosts")
	f.Get("a")
	assert.True(t, f.Forget("a"))
	assert.Equal(t, []policy.Event{
		{Kind: policy.Forgotten, Pipeline: "hosts", Key: "a"},
		{Kind: policy.Forgotten, Pipeline: "inner", Key: "a"},
		{Kind: policy.Forgotten, Pipeline: "innermost", Key: "a"},
	}, rec.Events())
}

func TestAFamilyOfTheNameOfAPipelineInsideReportsAForgottenMemberOnce(t *testing.T) {
	rec := fake.NewRecorder()
	spec := nested()
	spec.Families["innermost"] = spec.Families["hosts"]
	f := familyOf(t, made(t, spec, registry.WithObserver(rec.Observe)), "innermost")
	f.Get("a")
	assert.True(t, f.Forget("a"))
	assert.Equal(t, []policy.Event{
		{Kind: policy.Forgotten, Pipeline: "innermost", Key: "a"},
		{Kind: policy.Forgotten, Pipeline: "inner", Key: "a"},
	}, rec.Events())
}

// Otherwise the keys of pipelines inside would pile up in a Stats until it tells no others
// apart.
func TestAForgottenMemberLeavesNoSeriesOfThePipelinesInside(t *testing.T) {
	stats := observe.New(observe.Config{MaxKeys: 1})
	f := familyOf(t, made(t, nested(), registry.WithObserver(stats.Observe)), "hosts")
	for _, key := range []string{"a", "b"} {
		_, err := f.Get(key).Do(t.Context(), ok)
		require.NoError(t, err)
		for _, name := range []string{"hosts", "inner", "innermost"} {
			_, found := stats.Snapshot().Find("ductile.call.duration", map[string]string{"pipeline.name": name, "key": key})
			assert.True(t, found, "%s %s", name, key)
		}
		f.Forget(key)
		_, found := stats.Snapshot().Find("ductile.call.duration", map[string]string{"key": key})
		assert.False(t, found, key)
	}
}

func TestThePolicyOfAFamilyRunsCallsThroughTheirMembers(t *testing.T) {
	r := made(t, hosts(registry.FamilySpec{Circuit: ownCircuit(1)}))
	f := familyOf(t, r, "hosts")
	p := pipeline.New(f.Policy(keyOf))
	_, _ = p.Do(withKey(t.Context(), "a"), down)
	_, err := p.Do(withKey(t.Context(), "a"), ok)
	require.ErrorIs(t, err, breaker.ErrOpen)
	_, err = p.Do(t.Context(), ok)
	require.NoError(t, err)
	assert.Equal(t, 1, f.Len())
	assert.Equal(t, "keyed(hosts)", p.String())
	_, err = policy.CallOf(ok).Do(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.Policy(keyOf).Execute(ctx, policy.CallOf(ok))
	require.ErrorIs(t, err, context.Canceled)
	assert.PanicsWithValue(t, "registry: Family.Policy: key is nil, want a function that returns the key of a call", func() { f.Policy(nil) })

	asks := f.Policy(keyOf).(interface {
		Refusal(context.Context, time.Duration) error
		Clock() policy.Clock
	})
	assert.ErrorIs(t, asks.Refusal(withKey(t.Context(), "a"), 0), breaker.ErrOpen)
	assert.NoError(t, asks.Refusal(withKey(t.Context(), "unknown"), 0))
	assert.NoError(t, asks.Refusal(t.Context(), 0))
	assert.Nil(t, asks.Clock())
	assert.Equal(t, 1, f.Len(), "a question adds no member")
}

func TestAFamilyIsAskedForTheRefusalOfThePipelineThatNewcomersShare(t *testing.T) {
	limit := &registry.RateLimitSpec{Config: ratelimit.Config{Limit: 1, Per: time.Hour, Burst: 1}}
	r := made(t, hosts(registry.FamilySpec{Circuit: ownCircuit(1), RateLimit: limit, Max: 1}))
	f := familyOf(t, r, "hosts")
	_, _ = f.Get("a").Do(t.Context(), down)
	asks := f.Policy(keyOf).(interface {
		Refusal(context.Context, time.Duration) error
	})
	assert.NoError(t, asks.Refusal(withKey(t.Context(), "b"), 0), "no call has needed the shared pipeline yet")
	_, _ = f.Get("b").Do(t.Context(), down)
	assert.ErrorIs(t, asks.Refusal(withKey(t.Context(), "b"), 0), ratelimit.ErrExceeded)
	assert.ErrorIs(t, asks.Refusal(withKey(t.Context(), "c"), 0), ratelimit.ErrExceeded)
	f.Forget("a")
	assert.NoError(t, asks.Refusal(withKey(t.Context(), "b"), 0), "there is room")
}

func TestNewcomersShareAPipelineWhileAllMembersAreBusy(t *testing.T) {
	rec := fake.NewRecorder()
	r := made(t, hosts(registry.FamilySpec{Circuit: ownCircuit(1), Max: 1}), registry.WithObserver(rec.Observe))
	f := familyOf(t, r, "hosts")
	_, _ = f.Get("a").Do(t.Context(), down)
	for range 3 {
		_, err := f.Get("b").Do(t.Context(), down)
		require.ErrorIs(t, err, errDown, "a shared circuit refuses no call")
	}
	assert.Same(t, f.Get("b"), f.Get("c"))
	assert.Equal(t, 1, f.Len())
	assert.Empty(t, f.Get("b").Key())
	events := rec.Events()
	assert.Empty(t, events[len(events)-1].Key)

	apply(t, r, hosts(registry.FamilySpec{Circuit: ownCircuit(3), Max: 1}))
	_, err := f.Get("b").Do(t.Context(), down)
	assert.ErrorIs(t, err, errDown, "nor after a reload")
	apply(t, r, hosts(registry.FamilySpec{Circuit: ownCircuit(3), Max: 2}))
	assert.Equal(t, "b", f.Get("b").Key())
}

func TestIdleMembersAreDroppedAndBusyOnesStay(t *testing.T) {
	clk := fake.NewClock()
	rec := fake.NewRecorder()
	r := made(t, hosts(registry.FamilySpec{Circuit: ownCircuit(9)}), registry.WithClock(clk), registry.WithObserver(rec.Observe))
	f := familyOf(t, r, "hosts")
	f.Get("idle")
	_, _ = f.Get("busy").Do(t.Context(), down)
	before := len(rec.Events())
	clk.Advance(keyed.DefaultIdle)
	f.Get("new")
	_, found := f.Lookup("busy")
	assert.True(t, found)
	assert.Equal(t, []policy.Event{{Kind: policy.Forgotten, Pipeline: "hosts", Key: "idle"}}, rec.Events()[before:])
	apply(t, r, hosts(registry.FamilySpec{Circuit: ownCircuit(9), Idle: time.Hour}))
	clk.Advance(keyed.DefaultIdle)
	f.Get("newer")
	assert.Equal(t, 3, f.Len(), "idle is an hour now")
}

func TestMembersHaveEachKindOfStateOfTheirOwn(t *testing.T) {
	r := made(t, hosts(registry.FamilySpec{
		Circuit: ownCircuit(1), Throttle: &registry.ThrottleSpec{Config: throttle.Config{K: 3}},
		RateLimit: &registry.RateLimitSpec{Config: ratelimit.Config{Limit: 1, Burst: ratelimit.NoBurst}},
		Bulkhead:  &registry.BulkheadSpec{Config: bulkhead.Config{Limit: 1}}, AdaptiveLimit: &registry.AdaptiveLimitSpec{},
	}), registry.WithClock(fake.NewClock()))
	f := familyOf(t, r, "hosts")
	for _, key := range []string{"a", "b"} {
		l := f.Get(key)
		_, err := l.Do(t.Context(), ok)
		require.NoError(t, err)
		_, err = l.Do(t.Context(), ok)
		assert.ErrorIs(t, err, ratelimit.ErrExceeded)
	}
	assert.Contains(t, f.Get("a").String(), "breaker(hosts) > throttle(hosts) > ratelimit(hosts, 1/1s) > bulkhead(hosts, 1) > adaptive(hosts")
	assert.Equal(t, 0, r.Snapshot().Circuits["stripe"].Probes)
}

func TestAReloadReachesTheMembers(t *testing.T) {
	r := made(t, hosts(registry.FamilySpec{Circuit: ownCircuit(3)}))
	f := familyOf(t, r, "hosts")
	a := f.Get("a")
	_, _ = a.Do(t.Context(), down)
	assert.Equal(t, registry.Changes{Changed: []string{"families.hosts"}}, apply(t, r, hosts(registry.FamilySpec{Circuit: ownCircuit(2)})))
	_, _ = a.Do(t.Context(), down)
	c, _ := f.Circuit("a")
	assert.Equal(t, breaker.Open, c.State(), "its count was kept")

	windowed := ownCircuit(2)
	windowed.WindowCalls = 5
	assert.Equal(t, registry.Changes{Changed: []string{"families.hosts"}, Restarted: []string{"families.hosts"}},
		apply(t, r, hosts(registry.FamilySpec{Circuit: windowed})))
	assert.Equal(t, 5, c.Config().WindowCalls)

	assert.Equal(t, registry.Changes{Changed: []string{"families.hosts"}}, apply(t, r, hosts(registry.FamilySpec{})))
	assert.Equal(t, "breaker(stripe)", a.String(), "without a circuit of their own, members use that of the pipeline")
	apply(t, r, hosts(registry.FamilySpec{Circuit: ownCircuit(2)}))
	again, _ := f.Circuit("a")
	assert.Same(t, c, again)
	assert.Equal(t, breaker.Open, c.State())

	spec := hosts(registry.FamilySpec{Circuit: ownCircuit(2)})
	spec.Pipelines["charge"] = registry.PipelineSpec{AttemptTimeout: time.Second}
	assert.Equal(t, registry.Changes{Changed: []string{"pipelines.charge"}}, apply(t, r, spec))
	assert.Equal(t, "breaker(hosts) > timeout(attempt, 1s)", a.String())
}

func TestARemovedFamilyGoesOnAndCanBeDeclaredAgain(t *testing.T) {
	r := made(t, hosts(registry.FamilySpec{Circuit: ownCircuit(1)}))
	f := familyOf(t, r, "hosts")
	_, _ = f.Get("a").Do(t.Context(), down)
	apply(t, r, registry.Spec{})
	_, err := registry.Keyed[int](r, "hosts")
	require.Error(t, err)
	_, err = f.Get("a").Do(t.Context(), ok)
	require.ErrorIs(t, err, breaker.ErrOpen)
	_, err = f.Get("new").Do(t.Context(), ok)
	require.NoError(t, err)

	assert.Equal(t, []string{"circuits.stripe", "families.hosts", "pipelines.charge"}, apply(t, r, hosts(registry.FamilySpec{Circuit: ownCircuit(5)})).Added)
	c, _ := f.Circuit("new")
	assert.Equal(t, 5, c.Config().FailureThreshold)
	_, found := familyOf(t, r, "hosts").Lookup("a")
	assert.True(t, found, "it is the same family")
}
