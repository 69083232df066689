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
	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/policytest"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

// modes lists pipelines whose calls take different paths.
func modes() map[string]registry.PipelineSpec {
	return map[string]registry.PipelineSpec{
		"nothing": {},
		"a retry": {Retry: &registry.RetrySpec{Config: retry.Config{BaseDelay: time.Millisecond}}},
		"a circuit and limits": {
			TotalTimeout: time.Hour, Circuit: "stripe", Bulkhead: "g", AttemptTimeout: time.Hour,
		},
		"a pipeline inside": {Retry: &registry.RetrySpec{Config: retry.Config{BaseDelay: time.Millisecond}}, Pipeline: "inner"},
	}
}

func modeSpec(p registry.PipelineSpec) registry.Spec {
	return registry.Spec{
		Circuits:  map[string]registry.CircuitSpec{"stripe": {}},
		Bulkheads: map[string]registry.BulkheadSpec{"g": {Config: bulkhead.Config{Limit: 10}}},
		Pipelines: map[string]registry.PipelineSpec{"p": p, "inner": {Circuit: "stripe"}},
		Families:  map[string]registry.FamilySpec{"hosts": {Pipeline: "p", Circuit: &registry.CircuitSpec{}}},
	}
}

func TestLivesAndMembersKeepThePolicyContract(t *testing.T) {
	ignore := registry.WithObserver(func(context.Context, policy.Event) {})
	for name, p := range modes() {
		t.Run("live, "+name, func(t *testing.T) {
			policytest.Run(t, func() policy.Policy[int] { return liveOf(t, made(t, modeSpec(p)), "p") })
		})
		t.Run("member, "+name, func(t *testing.T) {
			policytest.Run(t, func() policy.Policy[int] { return familyOf(t, made(t, modeSpec(p), ignore), "hosts").Get("a") })
		})
		t.Run("family, "+name, func(t *testing.T) {
			policytest.Run(t, func() policy.Policy[int] {
				return familyOf(t, made(t, modeSpec(p)), "hosts").Policy(func(context.Context) (string, bool) { return "a", true })
			})
		})
	}
}

func TestALiveRunsAloneAndDecorates(t *testing.T) {
	l := liveOf(t, made(t, shop()), "charge")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Do(ctx, ok)
	require.ErrorIs(t, err, context.Canceled)
	_, err = l.Execute(ctx, policy.CallOf(ok))
	require.ErrorIs(t, err, context.Canceled)
	v, err := l.Wrap(ok)(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	_, err = l.Do(t.Context(), func(context.Context) (int, error) { return 0, retry.Permanent(errDown) })
	assert.Equal(t, errDown, err, "marks do not leave the outermost door")
	assert.PanicsWithValue(t, "registry: Live.Do: fn is nil, want a function", func() { _, _ = l.Do(t.Context(), nil) })
	assert.PanicsWithValue(t, "registry: Live.Wrap: fn is nil, want a function", func() { l.Wrap(nil) })
}

func TestARetryAroundALiveAsksItForARefusal(t *testing.T) {
	r := made(t, shop())
	p := pipeline.New[int](retry.New[int](retry.Config{BaseDelay: time.Hour}), liveOf(t, r, "charge"))
	circuitOf(t, r, "stripe").Trip(time.Hour, "test")
	_, err := p.Do(t.Context(), ok)
	assert.ErrorIs(t, err, breaker.ErrOpen)
	calls := 0
	circuitOf(t, r, "stripe").Reset()
	_, err = p.Do(t.Context(), func(context.Context) (int, error) {
		calls++
		circuitOf(t, r, "stripe").Trip(2*time.Hour, "test")
		return 0, errDown
	})
	assert.ErrorIs(t, err, breaker.ErrOpen, "no hour was slept")
	assert.Equal(t, 1, calls)
}

func TestALiveInsideAnObservedPipelineIsReplacedToo(t *testing.T) {
	rec := fake.NewRecorder()
	r := made(t, shop())
	p := pipeline.New[int](liveOf(t, r, "charge")).WithName("outer").WithObserver(rec.Observe, policy.Judged, policy.TimedOut)
	_, _ = p.Do(t.Context(), down)
	spec := shop()
	spec.Pipelines["charge"] = registry.PipelineSpec{}
	apply(t, r, spec)
	_, _ = p.Do(t.Context(), down)
	require.Len(t, rec.Events(), 1)
	assert.Equal(t, "charge", rec.Events()[0].Pipeline)
}

func TestALiveAllocatesNothing(t *testing.T) {
	raced.Skip(t, "it makes pools forget")
	ctx := context.Background()
	inKey := withKey(ctx, "a")
	observe := func(context.Context, policy.Event) {}
	spec := modeSpec(registry.PipelineSpec{Retry: &registry.RetrySpec{}, Circuit: "stripe", Bulkhead: "g", Pipeline: "inner"})
	for name, opts := range map[string][]registry.Option{"unobserved": nil, "observed": {registry.WithObserver(observe)}} {
		r := made(t, spec, opts...)
		l, f := liveOf(t, r, "p"), familyOf(t, r, "hosts")
		byKey := f.Policy(keyOf)
		watched := func(p policy.Policy[int]) *pipeline.Pipeline[int] {
			return pipeline.New(p, policy.Check(func(_ int, err error) error { return err })).WithObserver(observe)
		}
		first, second := watched(l), watched(l)
		members, others := watched(byKey), watched(byKey)
		for what, call := range map[string]func(){
			"alone":               func() { _, _ = l.Do(ctx, ok) },
			"in two pipelines":    func() { _, _ = first.Do(ctx, ok); _, _ = second.Do(ctx, ok) },
			"a member":            func() { _, _ = f.Get("a").Do(ctx, ok) },
			"a family":            func() { _, _ = byKey.Execute(inKey, policy.CallOf(ok)) },
			"a family in two":     func() { _, _ = members.Do(inKey, ok); _, _ = others.Do(inKey, ok) },
			"a name is looked up": func() { _, _ = registry.Pipeline[int](r, "p") },
		} {
			assert.Zero(t, testing.AllocsPerRun(200, call), "%s, %s", name, what)
		}
	}
}
