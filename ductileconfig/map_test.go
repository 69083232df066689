package ductileconfig_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/registry"
)

func TestReadsTheMapOfAnotherLibrary(t *testing.T) {
	order := bulkhead.LIFO
	values := map[string]any{
		"circuits": map[string]any{
			"text":  map[string]any{"window": "10s", "failure_rate": "50%", "min_calls": "20", "shadow": "true"},
			"typed": map[any]any{"window": 10 * time.Second, "failure_rate": 0.5, "min_calls": 20, "shadow": true},
			"json":  map[string]any{"window": "10s", "failure_rate": float32(0.5), "min_calls": float64(20), "shadow": true},
			"small": map[string]any{"window": json.RawMessage(nil), "min_calls": nil, "failure_threshold": json.Number("7")},
		},
		"bulkheads": map[string]map[string]any{"b": {"limit": uint8(5), "max_queue": int64(3), "order": &order}},
		"pipelines": map[string]any{"p": map[string]any{"retry": map[string]any{}, "hedge": (map[string]any)(nil), "cache": nil}},
	}
	source := ductileconfig.Map(values)
	clear(values)
	spec, err := ductileconfig.Load(source)
	require.NoError(t, err)
	want := breaker.Config{Window: 10 * time.Second, FailureRate: 0.5, MinCalls: 20, Shadow: true}
	for _, name := range []string{"text", "typed", "json"} {
		assert.Equal(t, want, spec.Circuits[name].Config, name)
	}
	assert.Equal(t, breaker.Config{FailureThreshold: 7}, spec.Circuits["small"].Config)
	assert.Equal(t, bulkhead.Config{Limit: 5, MaxQueue: 3, Order: bulkhead.LIFO}, spec.Bulkheads["b"].Config)
	assert.Equal(t, registry.PipelineSpec{Retry: &registry.RetrySpec{}}, spec.Pipelines["p"])
	assert.Equal(t, "map", spec.Origins["circuits.typed.window"])
}

func TestNilInAMapRemovesWhatAFileSets(t *testing.T) {
	spec, err := ductileconfig.Load(append(sources("circuits: {a: {window: 10s}, b: {}}\n"),
		ductileconfig.Map(map[string]any{"circuits": map[string]any{"a": map[string]any{"window": nil}, "b": nil}}))...)
	require.NoError(t, err)
	assert.Equal(t, map[string]registry.CircuitSpec{"a": {}}, spec.Circuits)
}

type loud struct{}

func (loud) MarshalText() ([]byte, error) { return nil, assert.AnError }

func TestWhatAMapCannotHoldIsAFault(t *testing.T) {
	cyclic := map[string]any{}
	cyclic["a"] = cyclic
	wide := make([]int, 100_001)
	for want, value := range map[string]any{
		"circuits.a: a value of type func() cannot be read":                                                            func() {},
		"circuits.a: a value of type chan int cannot be read":                                                          make(chan int),
		"circuits.a: a value of type struct { X int } cannot be read":                                                  struct{ X int }{1},
		"circuits.a: a value of type ductileconfig_test.loud cannot be read":                                           loud{},
		"circuits.a is 5, want a mapping with keys such as failure_threshold and failure_rate":                         5,
		"circuits.a is a list, want a mapping with keys such as failure_threshold and failure_rate":                    []any{1, "x"},
		"circuits.a.windw: unknown field, did you mean window?":                                                        map[string]string{"windw": "1s"},
		"circuits.a.window is 10, want a duration such as 30s or 1m30s; a number alone has no unit: did you mean 10s?": map[string]any{"window": 10},
		"circuits.a.failure_rate is NaN, want 0 to 1 (or 0% to 100%)":                                                  map[string]any{"failure_rate": math.NaN()},
		"circuits.a.failure_rate is +Inf, want 0 to 1 (or 0% to 100%)":                                                 map[string]any{"failure_rate": math.Inf(1)},
		"circuits.a.min_calls is 1.5, want a whole number, 1 or more":                                                  map[string]any{"min_calls": 1.5},
		"circuits.a" + strings.Repeat(".a", 25) + "…: nested more than 64 deep, the limit":                             cyclic,
		"circuits.a[100000]: more than 100000 values, the limit":                                                       wide,
	} {
		_, err := ductileconfig.Load(ductileconfig.Map(map[string]any{"circuits": map[string]any{"a": value}}))
		require.Error(t, err, want)
		got := firstLines(t, err)
		require.Len(t, got, 1, want)
		if !strings.Contains(want, "limit") {
			assert.Equal(t, "map: "+want, got[0])
			continue
		}
		_, limit, _ := strings.Cut(want, ": ")
		assert.Contains(t, got[0], limit)
	}
}
