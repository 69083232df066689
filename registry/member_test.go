package registry_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/registry"
)

func TestMembersHaveCachesOfTheirOwn(t *testing.T) {
	spec := cached(registry.CacheSpec{Key: "key", TTL: time.Minute})
	spec.Families = map[string]registry.FamilySpec{"hosts": {Pipeline: "p"}}
	f := familyOf(t, made(t, spec, registry.WithFuncs(funcs())), "hosts")
	ctx := withKey(t.Context(), "k")
	_, err := f.Get("a").Do(ctx, ok)
	require.NoError(t, err)
	_, err = f.Get("a").Do(ctx, down)
	require.NoError(t, err)
	_, err = f.Get("b").Do(ctx, down)
	assert.ErrorIs(t, err, errDown, "what one host has answered is not the answer of another")
}

func TestAFamilyForAnotherTypeThanAFunctionIsRefused(t *testing.T) {
	spec := registry.Spec{
		Pipelines: map[string]registry.PipelineSpec{"p": {Fallback: "text"}, "q": {Fallback: "zero"}},
		Families:  map[string]registry.FamilySpec{"hosts": {Pipeline: "p"}},
	}
	r := made(t, spec, registry.WithFuncs(funcs()))
	_, err := registry.Keyed[int](r, "hosts")
	require.ErrorContains(t, err, "registry: pipelines.p.fallback")
	_, err = registry.Keyed[string](r, "hosts")
	require.NoError(t, err)
	spec.Families["hosts"] = registry.FamilySpec{Pipeline: "q"}
	_, err = r.Apply(spec)
	assert.ErrorContains(t, err, "registry: pipelines.q.fallback", "the family is in use for strings")
}

// An Apply that commits while a member is made looks at the members before the new one is
// there. The member must not keep the declaration from before.
func TestAMemberThatIsMadeDuringAReloadFollowsIt(t *testing.T) {
	var r *registry.Registry
	reload := 0
	// The registry reads its clock when it makes a member's circuit.
	clk := nowClock{fake.NewClock(), func() {
		if reload > 0 {
			reload--
			_, err := r.Apply(hosts(registry.FamilySpec{Circuit: ownCircuit(2 + reload)}))
			assert.NoError(t, err)
		}
	}}
	r = made(t, hosts(registry.FamilySpec{Circuit: ownCircuit(9)}), registry.WithClock(&clk))
	f := familyOf(t, r, "hosts")
	for i := range 5 {
		reload = 1 + i%3
		f.Get(strconv.Itoa(i))
		assert.Zero(t, reload)
		c, _ := f.Circuit(strconv.Itoa(i))
		assert.Contains(t, r.Snapshot().Values, registry.Value{
			Path: "families.hosts.circuit.failure_threshold", Value: strconv.Itoa(c.Config().FailureThreshold), Origin: "code",
		}, "the circuit has what is declared")
		assert.NotEqual(t, 9, c.Config().FailureThreshold)
		apply(t, r, hosts(registry.FamilySpec{Circuit: ownCircuit(9)}))
	}
}

// The functions of Circuit.Watch run after an Apply has committed, and before it has come to
// the families. A pipeline that is built then needs what its member does not have yet.
func TestAMembersPipelineCanBeBuiltBeforeAReloadReachesTheMember(t *testing.T) {
	r := made(t, hosts(registry.FamilySpec{}))
	f := familyOf(t, r, "hosts")
	f.Get("a")
	texts, err := registry.Keyed[string](r, "hosts")
	require.NoError(t, err)
	asked := false
	defer circuitOf(t, r, "stripe").Watch(func(breaker.Transition) {
		assert.Equal(t, "breaker(hosts)", texts.Get("a").String())
		assert.Equal(t, "breaker(hosts)", f.Get("b").String())
		asked = true // a panic is recovered
	})()
	spec := hosts(registry.FamilySpec{Circuit: ownCircuit(1)})
	spec.Circuits["stripe"] = registry.CircuitSpec{Config: breaker.Config{FailureThreshold: 3}}
	apply(t, r, spec)
	assert.True(t, asked)
	_, err = texts.Get("a").Do(t.Context(), func(context.Context) (string, error) { return "", errDown })
	require.ErrorIs(t, err, errDown)
	_, err = f.Get("a").Do(t.Context(), ok)
	assert.ErrorIs(t, err, breaker.ErrOpen, "both types share the member's circuit")
}

// nowClock calls a function at each reading.
type nowClock struct {
	*fake.Clock
	read func()
}

func (c *nowClock) Now() time.Time {
	c.read()
	return c.Clock.Now()
}

// No call runs through a circuit that the family does not declare any more, so it keeps its
// failure for ever.
func TestACircuitThatIsNoLongerDeclaredKeepsNoMember(t *testing.T) {
	r := made(t, hosts(registry.FamilySpec{Max: 1, Circuit: ownCircuit(2)}))
	f := familyOf(t, r, "hosts")
	_, _ = f.Get("a").Do(t.Context(), down)
	f.Get("b")
	_, kept := f.Lookup("a")
	require.True(t, kept)

	apply(t, r, hosts(registry.FamilySpec{Max: 1}))
	_, found := f.Circuit("a")
	assert.False(t, found, "the family declares none")
	f.Get("b")
	_, kept = f.Lookup("a")
	assert.False(t, kept)
	assert.Equal(t, "b", f.Get("b").Key())
}
