package ductileconfig_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

func TestExtendsFindsDeclarationsAnchorsAndDefaults(t *testing.T) {
	spec := load(t, `
defaults:
  circuits: {of_section: {window: 1s}}
  free: {window: 2s}
  circuit: &anchor {window: 3s}
circuits:
  named: {window: 4s}
  a: {extends: named}
  b: {extends: anchor}
  c: {extends: of_section}
  d: {extends: free}
  e: {extends: circuit}
`)
	for name, seconds := range map[string]int{"a": 4, "b": 3, "c": 1, "d": 2, "e": 3} {
		assert.Equal(t, time.Duration(seconds)*time.Second, spec.Circuits[name].Window, name)
	}
}

func TestADeclarationWinsOverAnAnchorOfItsName(t *testing.T) {
	spec := load(t, "circuits: {usual: {window: 1s}, b: &usual {window: 2s}, c: {extends: usual}}\nfamilies: {f: {pipeline: p, circuit: {extends: usual}}}\npipelines: {p: {}}\n")
	assert.Equal(t, time.Second, spec.Circuits["c"].Window)
	assert.Equal(t, time.Second, spec.Families["f"].Circuit.Window, "families have circuits, too")
}

func TestEveryKindExtends(t *testing.T) {
	spec := load(t, `
defaults: {retry: &patient {max_attempts: 7, base_delay: 1s}, codel: &codel {target: 5ms, interval: 100ms}}
budgets: {a: {ratio: 20%}, b: {extends: a, window: 5s}}
bulkheads: {a: {limit: 5}, b: {extends: a, max_queue: 3, delay: {extends: codel, target: 6ms}}}
adaptive_limits: {a: {min: 5}, b: {extends: a, max: 50}}
rate_limits: {a: {limit: 5}, b: {extends: a, burst: 3}}
throttles: {a: {k: 3}, b: {extends: a, min_calls: 5}}
pipelines:
  a: {total_timeout: 9s, retry: {extends: patient, max_attempts: 5}, hedge: {}}
  b: {extends: a, total_timeout: 8s, retry: {max_delay: 2s}, hedge: null}
families: {a: {pipeline: a, max: 5}, b: {extends: a, pipeline: b}}
`)
	assert.Equal(t, retry.BudgetConfig{Ratio: 0.2, Window: 5 * time.Second}, spec.Budgets["b"].BudgetConfig)
	assert.Equal(t, 5, spec.Bulkheads["b"].Limit)
	assert.Equal(t, 100*time.Millisecond, spec.Bulkheads["b"].Delay.Interval)
	assert.Equal(t, 6*time.Millisecond, spec.Bulkheads["b"].Delay.Target)
	assert.Equal(t, 5, spec.AdaptiveLimits["b"].Min)
	assert.Equal(t, 5, spec.RateLimits["b"].Limit)
	assert.InDelta(t, 3, spec.Throttles["b"].K, 0)
	assert.Equal(t, registry.PipelineSpec{
		TotalTimeout: 8 * time.Second,
		Retry:        &registry.RetrySpec{Config: retry.Config{MaxAttempts: 5, BaseDelay: time.Second, MaxDelay: 2 * time.Second}},
	}, spec.Pipelines["b"], "nested mappings are merged, too")
	assert.Equal(t, registry.FamilySpec{Pipeline: "b", Max: 5}, spec.Families["b"])
}

func TestExtendsAndAliasesKeepThePlacesOfTheirValues(t *testing.T) {
	spec := load(t, `circuits:
  a: &a {window: 10s, failure_threshold: 3}
  b: {extends: a, failure_threshold: 4}
  c: {<<: *a, failure_threshold: 5}
  d: *a
`, "circuits: {e: {extends: b}, a: {window: 20s}}\n")
	assert.Equal(t, "2.yaml:1:41", spec.Origins["circuits.b.window"], "b extends what a is in the end")
	assert.Equal(t, "1.yaml:3:38", spec.Origins["circuits.b.failure_threshold"])
	assert.Equal(t, "1.yaml:2:18", spec.Origins["circuits.c.window"], "an alias is replaced within its file")
	assert.Equal(t, "1.yaml:4:34", spec.Origins["circuits.c.failure_threshold"])
	assert.Equal(t, "1.yaml:2:42", spec.Origins["circuits.d.failure_threshold"])
	assert.Equal(t, 20*time.Second, spec.Circuits["e"].Window)
	assert.Equal(t, breaker.Config{Window: 10 * time.Second, FailureThreshold: 3}, spec.Circuits["d"].Config)
}

func TestTheFirstOfSeveralMergedMappingsWins(t *testing.T) {
	spec := load(t, `
defaults: {a: &a {window: 1s, failure_threshold: 3}, b: &b {window: 2s, slow_call: 1s, slow_rate: 1}}
circuits: {x: {<<: [*a, *b], slow_rate: 50%}}
`)
	assert.Equal(t, breaker.Config{Window: time.Second, FailureThreshold: 3, SlowCall: time.Second, SlowRate: 0.5}, spec.Circuits["x"].Config)
}

func TestAnAnchorOfAnotherFileCanBeExtended(t *testing.T) {
	spec := load(t, "defaults: {circuit: &usual {window: 10s}}\n", "circuits: {a: {extends: usual}}\n")
	assert.Equal(t, 10*time.Second, spec.Circuits["a"].Window)
}

func TestTheLastAnchorOfANameIsExtended(t *testing.T) {
	spec := load(t, "defaults: {a: &x {window: 1s}, b: &x {window: 2s}}\ncircuits: {a: {extends: x}}\n")
	assert.Equal(t, 2*time.Second, spec.Circuits["a"].Window)
}

func TestExtendsIsRemovedByNull(t *testing.T) {
	spec := load(t, "circuits: {a: {window: 1s}, b: {extends: a, failure_threshold: 3}}\n", "circuits: {b: {extends: null}}\n")
	assert.Equal(t, breaker.Config{FailureThreshold: 3}, spec.Circuits["b"].Config)
}

func TestALongChainOfExtendsIsFine(t *testing.T) {
	var b strings.Builder
	b.WriteString("circuits:\n  n0: {window: 10s}\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "  n%d: {extends: n%d}\n", i+1, i)
	}
	spec := load(t, b.String())
	require.Len(t, spec.Circuits, 1001)
	assert.Equal(t, 10*time.Second, spec.Circuits["n1000"].Window)
}

func TestExtendsThatCopyTooMuchAreRefused(t *testing.T) {
	var b strings.Builder
	b.WriteString("circuits:\n  n0: {x: 1}\n")
	for i := range 500 {
		fmt.Fprintf(&b, "  n%d: {extends: n%d, x%d: 1}\n", i+1, i, i)
	}
	got := refused(t, sources(b.String())...)
	assert.Contains(t, got, "1.yaml: more than 100000 values, the limit, those that extends copies included")
}

// Each hint is looked for among all names, which would take minutes in all.
func TestOfManyWrongNamesToExtendTheFirstHaveAHint(t *testing.T) {
	var b strings.Builder
	b.WriteString("defaults: {usual: {}}\ncircuits:\n")
	for i := range 100 {
		fmt.Fprintf(&b, "  n%d: {extends: usuall}\n", i)
	}
	hints := 0
	for i, fault := range refused(t, sources(b.String())...) {
		if strings.HasSuffix(fault, ", did you mean usual?") {
			hints++
			assert.Less(t, i, 20, fault)
		}
	}
	assert.Equal(t, 20, hints)
}
