package registry_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/registry"
)

// Each of the faults would otherwise show all pipelines: gigabytes of text.
func TestACycleOfManyPipelinesIsShownInPart(t *testing.T) {
	const n = 3_000
	spec := registry.Spec{Pipelines: map[string]registry.PipelineSpec{"before": {Pipeline: "0"}}}
	for i := range n {
		spec.Pipelines[strconv.Itoa(i)] = registry.PipelineSpec{Pipeline: strconv.Itoa((i + 1) % n)}
	}
	var all interface{ Unwrap() []error }
	require.ErrorAs(t, spec.Validate(), &all)
	require.Len(t, all.Unwrap(), n, "before is not part of the cycle")
	assert.EqualError(t, all.Unwrap()[0], `registry: pipelines.0.pipeline is "1", want no cycle: `+
		"0 > 1 > 2 > 3 > 4 > 5 > 6 > 7 > 8 > 9 > 10 > 11 > 12 > 13 > 14 > 15 > 16 > 17 > 18 > 19 > ... > 0")
}

// Each reference would otherwise sort all names.
func TestManyNamesAreValidatedAndCompared(t *testing.T) {
	const n = 3_000
	spec := registry.Spec{Circuits: map[string]registry.CircuitSpec{}, Pipelines: map[string]registry.PipelineSpec{}}
	for i := range n {
		name := strconv.Itoa(i)
		spec.Circuits[name] = registry.CircuitSpec{Config: breaker.Config{FailureThreshold: 1 + i%2}}
		spec.Pipelines[name] = registry.PipelineSpec{Circuit: name}
	}
	r := made(t, spec)
	spec.Circuits["0"] = registry.CircuitSpec{}
	assert.Equal(t, registry.Changes{Changed: []string{"circuits.0"}}, apply(t, r, spec))
}

// A Live that is held is checked against each declaration of its name, removed or not.
func TestAPipelineCannotComeBackForAnotherTypeThanThatOfItsHolders(t *testing.T) {
	r := made(t, shop(), registry.WithFuncs(funcs()))
	l := liveOf(t, r, "charge")
	apply(t, r, registry.Spec{})
	for name, want := range map[string]string{"text": "registry: pipelines.charge.fallback", "zero": ""} {
		spec := shop()
		spec.Pipelines["charge"] = registry.PipelineSpec{Fallback: name}
		_, err := r.Apply(spec)
		if want != "" {
			require.ErrorContains(t, err, want)
			_, err = l.Do(t.Context(), ok)
		}
		require.NoError(t, err)
		apply(t, r, registry.Spec{})
	}
}

// Each hint is looked for among all names, which would take minutes in all.
func TestOfManyWrongReferencesTheFirstHaveAHint(t *testing.T) {
	spec := registry.Spec{Circuits: map[string]registry.CircuitSpec{}, Pipelines: map[string]registry.PipelineSpec{}}
	for i := range 100 {
		name := strconv.Itoa(100 + i)
		spec.Circuits["tenant-"+name] = registry.CircuitSpec{}
		spec.Pipelines[name] = registry.PipelineSpec{Circuit: "tenant_" + name}
	}
	var all interface{ Unwrap() []error }
	require.ErrorAs(t, spec.Validate(), &all)
	require.Len(t, all.Unwrap(), 100)
	for i, err := range all.Unwrap() {
		hint := ""
		if i < 20 {
			hint = "did you mean tenant-" + strconv.Itoa(100+i) + "?"
		}
		var fault *registry.Error
		require.ErrorAs(t, err, &fault)
		assert.Equal(t, hint, fault.Hint)
	}
}
