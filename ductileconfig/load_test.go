package ductileconfig_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

func TestNoSourcesAreAnEmptySpec(t *testing.T) {
	for name, sources := range map[string][]ductileconfig.Source{
		"none":         nil,
		"empty":        sources(""),
		"spaces":       sources("\n  \n"),
		"comments":     sources("# nothing yet\n"),
		"a dash line":  sources("---\n"),
		"null":         sources("null\n"),
		"sections":     sources("circuits:\npipelines:\ndefaults:\n"),
		"an empty map": {ductileconfig.Map(nil)},
		"environment":  {ductileconfig.Environ("", []string{"PATH=/bin", "DUCTILE_HOME=/x"})},
	} {
		spec, err := ductileconfig.Load(sources...)
		require.NoError(t, err, name)
		spec.Origins = nil
		assert.Zero(t, spec, name)
	}
}

func TestLoadsTheExampleOfTheDocumentation(t *testing.T) {
	spec := load(t, example)
	usual := breaker.Config{Window: 10 * time.Second, FailureRate: 0.5, MinCalls: 20}
	stripe := usual
	stripe.RecoveryTimeout, stripe.MaxRecoveryTimeout = 30*time.Second, 5*time.Minute
	assert.Equal(t, map[string]registry.CircuitSpec{"stripe": {Config: stripe}}, spec.Circuits)
	assert.InDelta(t, 0.1, spec.Budgets["outbound"].Ratio, 1e-12)
	assert.Equal(t, registry.PipelineSpec{
		TotalTimeout: 10 * time.Second, AttemptTimeout: 3 * time.Second, Circuit: "stripe",
		Retry: &registry.RetrySpec{Config: retry.Config{MaxAttempts: 3}, BudgetName: "outbound"},
	}, spec.Pipelines["charge"])
	assert.Equal(t, registry.FamilySpec{
		Pipeline: "charge", Circuit: &registry.CircuitSpec{Config: usual}, Max: 1024, Idle: 15 * time.Minute,
	}, spec.Families["hosts"])
}

const example = `# yaml-language-server: $schema=https://raw.githubusercontent.com/ductile-go/ductile/main/docs/ductile.schema.json
defaults: {circuit: &usual {window: 10s, failure_rate: 50%, min_calls: 20}}
circuits:
  stripe: {extends: usual, recovery_timeout: 30s, max_recovery_timeout: 5m}
budgets:   {outbound: {ratio: 10%}}
pipelines:
  charge: {total_timeout: 10s, retry: {max_attempts: 3, budget: outbound}, circuit: stripe, attempt_timeout: 3s}
families:
  hosts:  {pipeline: charge, circuit: {extends: usual}, max: 1024, idle: 15m}
`

func TestWordsStandForSpecialValues(t *testing.T) {
	spec := load(t, `
circuits: {a: {recovery_timeout: none, recovery_jitter: none, window: 10s, failure_rate: none}}
budgets: {a: {min_per_second: none}}
rate_limits: {a: {limit: 5, burst: none, max_wait: unlimited}, b: {limit: 5, max_wait: none}}
bulkheads: {a: {limit: 5, max_queue: 3, max_wait: 1s, order: adaptive, delay: {target: 5ms, interval: 100ms}}}
pipelines:
  p:
    retry: {max_attempts: unlimited, base_delay: none, jitter_factor: none, max_elapsed: 1s}
    hedge: {delay: at_once}
    cache: {key: user, ttl: 1m, jitter: none}
`)
	assert.Equal(t, breaker.NoWait, spec.Circuits["a"].RecoveryTimeout)
	assert.Zero(t, spec.Circuits["a"].RecoveryJitter)
	assert.InDelta(t, retry.NoMinimum, spec.Budgets["a"].MinPerSecond, 0)
	assert.Equal(t, ratelimit.NoBurst, spec.RateLimits["a"].Burst)
	assert.Negative(t, spec.RateLimits["a"].MaxWait)
	assert.Zero(t, spec.RateLimits["b"].MaxWait)
	assert.Equal(t, bulkhead.Adaptive, spec.Bulkheads["a"].Order)
	assert.Equal(t, bulkhead.CoDel{Target: 5 * time.Millisecond, Interval: 100 * time.Millisecond}, spec.Bulkheads["a"].Delay)
	p := spec.Pipelines["p"]
	assert.Equal(t, retry.Config{MaxAttempts: retry.Unlimited, BaseDelay: retry.NoDelay, JitterFactor: retry.NoJitter, MaxElapsed: time.Second}, p.Retry.Config)
	assert.Equal(t, hedge.AtOnce, p.Hedge.Delay)
	assert.InDelta(t, cache.NoJitter, p.Cache.Jitter, 0)
}

func TestReadsNumbersAsTheyAreWritten(t *testing.T) {
	spec := load(t, `
circuits:
  a: {min_calls: 1_000, window: 1m30s, slow_rate: 0.25, slow_call: 1.5s, shadow: true}
  b: {window: 1h0m0.5s, failure_rate: 12.5%, shadow: False, max_recovery_timeout: 0s}
throttles: {t: {k: 1.5}, u: {k: 2e0}}
budgets: {b: {min_per_second: 1_000, ratio: 1_000}, c: {min_per_second: 1_000.5}}
pipelines: {p: {chaos: {rate: 1%, enabled: true, seed: 18446744073709551615, error: "boom: down", latency: 100µs}}}
`)
	a, b := spec.Circuits["a"], spec.Circuits["b"]
	assert.Equal(t, 1000, a.MinCalls)
	assert.Equal(t, 90*time.Second, a.Window)
	assert.InDelta(t, 0.25, a.SlowRate, 0)
	assert.Equal(t, 1500*time.Millisecond, a.SlowCall)
	assert.True(t, a.Shadow)
	assert.Equal(t, time.Hour+500*time.Millisecond, b.Window)
	assert.InDelta(t, 0.125, b.FailureRate, 0)
	assert.False(t, b.Shadow)
	assert.InDelta(t, 1.5, spec.Throttles["t"].K, 0)
	assert.InDelta(t, 2.0, spec.Throttles["u"].K, 0)
	assert.InDelta(t, 1000, spec.Budgets["b"].MinPerSecond, 0)
	assert.InDelta(t, 1000, spec.Budgets["b"].Ratio, 0)
	assert.InDelta(t, 1000.5, spec.Budgets["c"].MinPerSecond, 0)
	chaos := spec.Pipelines["p"].Chaos
	assert.InDelta(t, 0.01, chaos.Rate, 1e-12)
	assert.Equal(t, uint64(1<<64-1), chaos.Seed)
	assert.Equal(t, "boom: down", chaos.Error)
	assert.Equal(t, 100*time.Microsecond, chaos.Latency)
}

func TestAShareInPercentIsTheNumberThatItReads(t *testing.T) {
	text := "circuits:\n"
	for tenths := 1; tenths <= 1000; tenths++ {
		text += fmt.Sprintf("  c%d: {window: 10s, failure_rate: %d.%d%%}\n", tenths, tenths/10, tenths%10)
	}
	for name, c := range load(t, text).Circuits {
		tenths, err := strconv.Atoi(name[1:])
		require.NoError(t, err)
		assert.InDelta(t, float64(tenths)/1000, c.FailureRate, 0, name)
	}
}

func TestAnEmptyMappingMeansTheDefaults(t *testing.T) {
	spec := load(t, "circuits: {a: {}}\npipelines: {p: {retry: {}, circuit: a}}\n")
	assert.Equal(t, map[string]registry.CircuitSpec{"a": {}}, spec.Circuits)
	assert.Equal(t, &registry.RetrySpec{}, spec.Pipelines["p"].Retry)
	assert.Equal(t, "1.yaml:1:15", spec.Origins["circuits.a"])
	assert.Equal(t, "1.yaml:2:24", spec.Origins["pipelines.p.retry"])
}

func TestLaterSourcesWinFieldByField(t *testing.T) {
	spec := load(t,
		"circuits: {a: {window: 10s, failure_threshold: 5}, b: {}}\npipelines: {p: {circuit: a, retry: {max_attempts: 2, base_delay: 1s}}}\n",
		"circuits: {a: {failure_threshold: 7}, c: {}}\npipelines: {p: {retry: {max_attempts: 4}}}\n")
	assert.Equal(t, breaker.Config{Window: 10 * time.Second, FailureThreshold: 7}, spec.Circuits["a"].Config)
	assert.Len(t, spec.Circuits, 3)
	p := spec.Pipelines["p"]
	assert.Equal(t, "a", p.Circuit)
	assert.Equal(t, retry.Config{MaxAttempts: 4, BaseDelay: time.Second}, p.Retry.Config)
	assert.Equal(t, "2.yaml:1:35", spec.Origins["circuits.a.failure_threshold"])
	assert.Equal(t, "1.yaml:1:24", spec.Origins["circuits.a.window"])
}

func TestNullRemovesWhatAnEarlierSourceSets(t *testing.T) {
	spec := load(t,
		"circuits: {a: {window: 10s, min_calls: 5}, b: {}}\nbudgets: {o: {}}\npipelines: {p: {circuit: a, retry: {budget: o}, hedge: {}}}\n",
		"circuits: {a: {min_calls: null}, b: ~}\npipelines: {p: {circuit: null, retry: {budget: null}, hedge: null}}\n")
	assert.Equal(t, map[string]registry.CircuitSpec{"a": {Config: breaker.Config{Window: 10 * time.Second}}}, spec.Circuits)
	assert.Equal(t, registry.PipelineSpec{Retry: &registry.RetrySpec{}}, spec.Pipelines["p"])
	assert.NotContains(t, spec.Origins, "circuits.a.min_calls")
	assert.NotContains(t, spec.Origins, "pipelines.p.circuit")
}

func TestASourceThatSetsANullAgainWins(t *testing.T) {
	spec := load(t, "circuits: {a: {min_calls: 5}}\n", "circuits: {a: null}\n", "circuits: {a: {window: 1s}}\n")
	assert.Equal(t, breaker.Config{Window: time.Second}, spec.Circuits["a"].Config)
}

func TestNullRemovesWhatExtendsBrings(t *testing.T) {
	spec := load(t, "defaults: {circuit: &usual {window: 10s, min_calls: 5}}\ncircuits: {a: {extends: usual, min_calls: null}}\n")
	assert.Equal(t, breaker.Config{Window: 10 * time.Second}, spec.Circuits["a"].Config)
}

func TestAnEmptySectionRemovesNothing(t *testing.T) {
	spec := load(t, "circuits: {a: {}}\n", "circuits:\n")
	assert.Len(t, spec.Circuits, 1)
}

func TestALaterSourceDoesNotHideAFaultOfAnEarlierOne(t *testing.T) {
	got := refused(t, sources("circuits: {a: {min_calls: 010}}\n", "circuits: {a: {min_calls: 7}}\n")...)
	assert.Equal(t, []string{"1.yaml:1:27: circuits.a.min_calls is 010, want a whole number, 1 or more; remove the leading zero: did you mean 10?"}, got)
}

func TestFaultsOfSeveralSourcesStandInTheirOrder(t *testing.T) {
	got := refused(t,
		ductileconfig.Bytes("z.yaml", []byte("pipelines: {p: {x: 1}}\ncircits: {}\n")),
		ductileconfig.Bytes("a.yaml", []byte("a: [\n")),
		ductileconfig.Environ("", []string{"DUCTILE__B=1", "DUCTILE__A=1"}),
		ductileconfig.Map(map[string]any{"circuits": 5}))
	require.Len(t, got, 6)
	for i, prefix := range []string{"z.yaml:1:17: ", "z.yaml:2:1: ", "a.yaml:1: ", "DUCTILE__A: a: ", "DUCTILE__B: b: ", "map: circuits is 5"} {
		assert.True(t, strings.HasPrefix(got[i], prefix), "%q begins with %q", got[i], prefix)
	}
}

func TestReadsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ductile.yaml")
	require.NoError(t, os.WriteFile(path, []byte(example), 0o600))
	spec, err := ductileconfig.Load(ductileconfig.File(path))
	require.NoError(t, err)
	assert.Equal(t, path+":4:46", spec.Origins["circuits.stripe.recovery_timeout"])
}

func TestAFileThatIsNotThereIsAFault(t *testing.T) {
	dir := t.TempDir()
	absolute := filepath.Join(dir, "no", "such.yaml")
	got := refused(t, ductileconfig.File("no/such.yaml"), ductileconfig.File(absolute), ductileconfig.File(dir))
	wd, err := os.Getwd()
	require.NoError(t, err)
	assert.Equal(t, []string{
		"no/such.yaml: the file does not exist; looked for it in " + wd,
		absolute + ": the file does not exist",
		dir + ": is a directory, want a file",
	}, got)
}

func TestAFileThatCannotBeOpenedIsAFault(t *testing.T) {
	long := strings.Repeat("x", 5000)
	got := refused(t, ductileconfig.File(long))
	require.Len(t, got, 1)
	assert.Contains(t, got[0], "the file cannot be opened: ")
}

func TestANilSourceIsAFault(t *testing.T) {
	assert.Equal(t, []string{"source 2: the Source is nil"}, refused(t, ductileconfig.Bytes("a", nil), nil))
}

func TestReadsJSONWithTabs(t *testing.T) {
	spec := load(t, "{\n\t\"circuits\": {\n\t\t\"a\": {\"window\": \"10s\", \"min_calls\": 5, \"shadow\": true, \"slow_rate\": 0.5, \"slow_call\": \"1s\"}\n\t}\n}\n")
	assert.Equal(t, breaker.Config{Window: 10 * time.Second, MinCalls: 5, Shadow: true, SlowRate: 0.5, SlowCall: time.Second}, spec.Circuits["a"].Config)
	assert.Equal(t, "1.yaml:3:19", spec.Origins["circuits.a.window"])
}

func TestReadsWindowsLineEndsAndAByteOrderMark(t *testing.T) {
	spec := load(t, "\ufeffcircuits:\r\n  a:\r\n    window: 10s\r\n    failure_threshold: 5\r\n")
	assert.Equal(t, breaker.Config{Window: 10 * time.Second, FailureThreshold: 5}, spec.Circuits["a"].Config)
	assert.Equal(t, "1.yaml:4:24", spec.Origins["circuits.a.failure_threshold"])
}

func TestBytesAreCopied(t *testing.T) {
	text := []byte("circuits: {a: {}}\n")
	source := ductileconfig.Bytes("x", text)
	copy(text, "!!!!!!!!!!!!!!!!!!")
	spec, err := ductileconfig.Load(source)
	require.NoError(t, err)
	assert.Len(t, spec.Circuits, 1)
}
