package registry_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/registry"
)

func TestASnapshotHasEachValueWithItsOrigin(t *testing.T) {
	spec := hosts(registry.FamilySpec{Circuit: ownCircuit(3), Max: 7})
	spec.Bulkheads = map[string]registry.BulkheadSpec{"g": {Config: bulkhead.Config{
		Limit: 3, MaxQueue: 2, Order: bulkhead.LIFO, Delay: bulkhead.CoDel{Target: time.Millisecond, Interval: time.Second},
	}}}
	spec.Origins = map[string]string{
		"circuits.stripe.recovery_timeout": "ductile.yaml:9:5",
		"bulkheads.g.delay.target":         "DUCTILE__BULKHEADS__G__DELAY__TARGET",
	}
	r := made(t, spec)
	assert.Equal(t, []registry.Value{
		{"circuits.stripe.failure_threshold", "2", "code"},
		{"circuits.stripe.recovery_timeout", "1m0s", "ductile.yaml:9:5"},
		{"circuits.stripe.half_open_max_calls", "3", "default"},
		{"circuits.stripe.success_threshold", "1", "default"},
		{"bulkheads.g.limit", "3", "code"},
		{"bulkheads.g.max_queue", "2", "code"},
		{"bulkheads.g.order", "lifo", "code"},
		{"bulkheads.g.delay.target", "1ms", "DUCTILE__BULKHEADS__G__DELAY__TARGET"},
		{"bulkheads.g.delay.interval", "1s", "code"},
		{"pipelines.charge.circuit", "stripe", "code"},
		{"families.hosts.pipeline", "charge", "code"},
		{"families.hosts.circuit.failure_threshold", "3", "code"},
		{"families.hosts.circuit.recovery_timeout", "30s", "default"},
		{"families.hosts.circuit.half_open_max_calls", "3", "default"},
		{"families.hosts.circuit.success_threshold", "1", "default"},
		{"families.hosts.max", "7", "code"},
		{"families.hosts.idle", "15m0s", "default"},
	}, r.Snapshot().Values)
}

func TestAnApplyThatOnlyMovesValuesChangesTheirOrigins(t *testing.T) {
	spec := shop()
	spec.Origins = map[string]string{"pipelines.charge.circuit": "ductile.yaml:3:1"}
	r := made(t, spec)
	spec.Origins = map[string]string{"pipelines.charge.circuit": "ductile.yaml:4:1"}
	assert.True(t, apply(t, r, spec).None())
	assert.Contains(t, r.Snapshot().Values, registry.Value{Path: "pipelines.charge.circuit", Value: "stripe", Origin: "ductile.yaml:4:1"})
	assert.EqualValues(t, 1, r.Snapshot().Revision)
}

func TestEveryDefaultOfEveryPolicyIsShown(t *testing.T) {
	spec := everything()
	spec.Families = map[string]registry.FamilySpec{"f": {Pipeline: "all", Throttle: &registry.ThrottleSpec{}}}
	r := made(t, spec, registry.WithFuncs(funcs()))
	got := map[string]string{}
	for _, v := range r.Snapshot().Values {
		got[v.Path] = v.Value + " " + v.Origin
	}
	for path, want := range map[string]string{
		"budgets.b.ratio":                  "0.1 default",
		"adaptive_limits.a.initial":        "7 code",
		"adaptive_limits.a.max":            "1000 default",
		"adaptive_limits.a.classify":       "well code",
		"rate_limits.l.per":                "1s default",
		"throttles.t.k":                    "2 default",
		"pipelines.all.fallback":           "zero code",
		"pipelines.all.cache.ttl":          "1m0s code",
		"pipelines.all.cache.negative_ttl": "1ns code",
		"pipelines.all.cache.max_entries":  "10000 default",
		"pipelines.all.cache.jitter":       "0.1 default",
		"pipelines.all.retry.max_attempts": "3 default",
		"pipelines.all.retry.backoff":      "fibonacci code",
		"pipelines.all.hedge.quantile":     "0.95 default",
		"pipelines.all.chaos.rate":         "0.25 code",
		"pipelines.all.abandon":            "true code",
		"families.f.throttle.k":            "2 default",
		"families.f.max":                   "1024 default",
	} {
		assert.Equal(t, want, got[path], path)
	}
}

func TestASnapshotMarshals(t *testing.T) {
	clk := fake.NewClock()
	spec := everything()
	spec.Families = map[string]registry.FamilySpec{"f": {Pipeline: "all", Circuit: &registry.CircuitSpec{}}}
	r := made(t, spec, registry.WithFuncs(funcs()), registry.WithClock(clk))
	familyOf(t, r, "f").Get("a")
	text, err := json.Marshal(r.Snapshot())
	require.NoError(t, err)
	var back map[string]any
	require.NoError(t, json.Unmarshal(text, &back))
	for _, key := range []string{"revision", "at", "changes", "pipelines", "families", "circuits", "budgets", "bulkheads", "adaptive_limits", "rate_limits", "throttles", "values"} {
		assert.Contains(t, back, key)
	}
	assert.NotContains(t, back, "failed")
	assert.Equal(t, "closed", back["circuits"].(map[string]any)["c"].(map[string]any)["state"])
	assert.EqualValues(t, 1, back["families"].(map[string]any)["f"].(map[string]any)["members"])
}

func TestASnapshotTouchesNothing(t *testing.T) {
	spec := hosts(registry.FamilySpec{Circuit: ownCircuit(1)})
	r := made(t, spec)
	c := circuitOf(t, r, "stripe")
	for range 3 {
		r.Snapshot()
	}
	assert.Zero(t, familyOf(t, r, "hosts").Len())
	assert.Equal(t, breaker.Closed, c.State())
	assert.EqualValues(t, 1, r.Snapshot().Revision)
}
