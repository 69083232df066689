package analysis_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cmd/ductile/internal/analysis"
	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/registry"
)

func load(t *testing.T, text string) registry.Spec {
	spec, err := ductileconfig.Load(ductileconfig.Bytes("f.yaml", []byte(text)))
	require.NoError(t, err, text)
	return spec
}

// found returns the findings as "severity code path: text", without notes unless they are
// asked for.
func found(t *testing.T, text string, notes bool) []string {
	var all []string
	for _, f := range analysis.Check(load(t, text)) {
		assert.NotEmpty(t, f.Fix, f.Code)
		if notes || f.Severity != analysis.Note {
			all = append(all, fmt.Sprintf("%s %s %s: %s", f.Severity, f.Code, f.Path, f.Text))
		}
	}
	return all
}

// Each case has a declaration with a fault, what is found in it, and the same declaration
// without the fault, in which nothing is found.
var cases = []struct {
	name, bad, want, good string
	notes                 bool
}{
	{
		name: "an attempt timeout as long as the total",
		bad:  "pipelines: {p: {total_timeout: 3s, attempt_timeout: 3s}}",
		want: "error attempt-timeout-never-acts pipelines.p.attempt_timeout: attempt_timeout is 3s and never acts: total_timeout, 3s, ends the call first",
		good: "pipelines: {p: {total_timeout: 3s, attempt_timeout: 2s}}",
	},
	{
		name: "delays that fill the total",
		bad:  "pipelines: {p: {total_timeout: 5s, attempt_timeout: 100ms, retry: {max_attempts: 4, base_delay: 1s}}}",
		want: "error delays-do-not-fit pipelines.p.retry: attempt 4 never begins: the delays before it take 7s, and total_timeout is 5s",
		good: "pipelines: {p: {total_timeout: 5s, attempt_timeout: 100ms, retry: {max_attempts: 3, base_delay: 1s}}}",
	},
	{
		name: "default delays that fill the total",
		bad:  "pipelines: {p: {total_timeout: 1s, attempt_timeout: 100ms, retry: {}}}",
		want: "warning delays-do-not-fit pipelines.p.retry: attempt 3 never begins: the delays before it take 1.5s, and total_timeout is 1s",
		good: "pipelines: {p: {total_timeout: 1s, attempt_timeout: 100ms, retry: {base_delay: 100ms}}}",
	},
	{
		name: "attempts limited by time",
		bad:  "pipelines: {p: {total_timeout: 5s, attempt_timeout: 1s, retry: {max_attempts: 100, max_elapsed: 5s}}}",
		want: "warning max-elapsed-never-acts pipelines.p.retry.max_elapsed: max_elapsed is 5s and never acts: total_timeout, 5s, ends the call first",
		good: "pipelines: {p: {total_timeout: 5s, attempt_timeout: 1s, retry: {max_attempts: 100, max_elapsed: 4s}}}",
	},
	{
		name: "attempts that time out and fill the total",
		bad:  "pipelines: {p: {total_timeout: 5s, attempt_timeout: 2s, retry: {}}}",
		want: "warning attempts-do-not-fit pipelines.p.attempt_timeout: if attempts time out, attempt 3 never begins: 2 attempts of 2s and delays of 1.5s take 5.5s, and total_timeout is 5s",
		good: "pipelines: {p: {total_timeout: 10s, attempt_timeout: 2s, retry: {}}}",
	},
	{
		name: "a last attempt with little time", notes: true,
		bad:  "budgets: {b: {}}\npipelines: {p: {total_timeout: 6s, attempt_timeout: 2s, retry: {budget: b}}}",
		want: "note last-attempt-is-short pipelines.p.attempt_timeout: if attempts time out, the last has 500ms of its 2s left: total_timeout is 6s",
		good: "budgets: {b: {}}\npipelines: {p: {total_timeout: 7s, attempt_timeout: 2s, retry: {budget: b}}}",
	},
	{
		name: "an abandon without a timeout",
		bad:  "pipelines: {p: {abandon: true}}",
		want: "warning abandon-never-acts pipelines.p.abandon: abandon never acts: there is no timeout",
		good: "pipelines: {p: {abandon: true, attempt_timeout: 1s}}",
	},
	{
		name: "a wait for a place as long as the attempt",
		bad:  "bulkheads: {b: {limit: 5, max_queue: 5, max_wait: 2s}}\npipelines: {p: {bulkhead: b, attempt_timeout: 2s}}",
		want: "warning wait-past-timeout bulkheads.b.max_wait: max_wait is 2s, but an attempt of p ends after 2s, its time in the queue included: the wait can use up all of it",
		good: "bulkheads: {b: {limit: 5, max_queue: 5, max_wait: 1s}}\npipelines: {p: {bulkhead: b, attempt_timeout: 2s}}",
	},
	{
		name: "a wait for a place of an adaptive limit",
		bad:  "adaptive_limits: {a: {max_queue: 5, max_wait: 3s}}\npipelines: {p: {adaptive_limit: a, total_timeout: 2s}}",
		want: "warning wait-past-timeout adaptive_limits.a.max_wait: max_wait is 3s, but an attempt of p ends after 2s, its time in the queue included: the wait can use up all of it",
		good: "adaptive_limits: {a: {max_queue: 5, max_wait: 1s}}\npipelines: {p: {adaptive_limit: a, total_timeout: 2s}}",
	},
	{
		name: "a wait for tokens as long as the call",
		bad:  "rate_limits: {r: {limit: 5, max_wait: 2s}}\npipelines: {p: {rate_limit: r, total_timeout: 2s}}",
		want: "warning wait-past-timeout rate_limits.r.max_wait: max_wait is 2s, but a call of p ends after 2s: the wait for tokens can use up all of it",
		good: "rate_limits: {r: {limit: 5, max_wait: 1s}}\npipelines: {p: {rate_limit: r, total_timeout: 2s}}",
	},
	{
		name: "a wait for tokens longer than an attempt", notes: true,
		bad:  "rate_limits: {r: {limit: 5, max_wait: 2s}}\npipelines: {p: {rate_limit: r, attempt_timeout: 1s}}",
		want: "note wait-past-attempt rate_limits.r.max_wait: an attempt of p waits up to 2s for tokens and then runs for at most 1s",
		good: "rate_limits: {r: {limit: 5, max_wait: 1s}}\npipelines: {p: {rate_limit: r, attempt_timeout: 1s}}",
	},
	{
		name: "a pipeline inside that takes longer",
		bad:  "pipelines: {p: {attempt_timeout: 2s, pipeline: in}, in: {total_timeout: 3s}}",
		want: "warning inner-pipeline-is-cut pipelines.p.attempt_timeout: attempt_timeout is 2s, but pipeline in inside takes up to 3s",
		good: "pipelines: {p: {attempt_timeout: 3s, pipeline: in}, in: {total_timeout: 3s}}",
	},
	{
		name: "a place held without end",
		bad:  "bulkheads: {b: {limit: 5}}\npipelines: {p: {bulkhead: b}}",
		want: "warning no-timeout pipelines.p: p has no timeout: a call that hangs keeps a place of bulkheads.b until its caller gives up",
		good: "bulkheads: {b: {limit: 5}}\npipelines: {p: {bulkhead: b, total_timeout: 1s}}",
	},
	{
		name: "a place of an adaptive limit held without end",
		bad:  "adaptive_limits: {a: {}}\npipelines: {p: {adaptive_limit: a}}",
		want: "warning no-timeout pipelines.p: p has no timeout: a call that hangs keeps a place of adaptive_limits.a until its caller gives up",
		good: "adaptive_limits: {a: {}}\npipelines: {o: {attempt_timeout: 1s, pipeline: p}, p: {adaptive_limit: a}}",
	},
	{
		name: "no timeout", notes: true,
		bad:  "pipelines: {p: {}}",
		want: "note no-timeout pipelines.p: p has no timeout: a call that hangs ends only with its caller's context",
		good: "pipelines: {p: {total_timeout: 1m}}",
	},
	{
		name: "attempts without end",
		bad:  "pipelines: {p: {attempt_timeout: 1s, retry: {max_attempts: unlimited}}}",
		want: "warning attempts-without-end pipelines.p.retry.max_attempts: max_attempts is unlimited and no time limits the call: it is repeated until its caller gives up",
		good: "pipelines: {p: {attempt_timeout: 1s, retry: {max_attempts: unlimited, max_elapsed: 1m}}}",
	},
	{
		name: "one attempt", notes: true,
		bad:  "pipelines: {p: {attempt_timeout: 1s, retry: {max_attempts: 1}}}",
		want: "note retry-never-acts pipelines.p.retry.max_attempts: max_attempts is 1: there is no second attempt",
		good: "pipelines: {p: {attempt_timeout: 1s}}",
	},
	{
		name: "no delay",
		bad:  "pipelines: {p: {attempt_timeout: 1s, retry: {base_delay: none}}}",
		want: "warning no-delay pipelines.p.retry.base_delay: retries follow at once: a dependency that fails for a moment gets 3 attempts in that moment",
		good: "pipelines: {p: {attempt_timeout: 1s, retry: {base_delay: 10ms}}}",
	},
	{
		name: "no jitter",
		bad:  "pipelines: {p: {attempt_timeout: 1s, retry: {jitter_factor: none}}}",
		want: "warning no-jitter pipelines.p.retry.jitter_factor: the delays have no jitter: callers that fail together come back together",
		good: "pipelines: {p: {attempt_timeout: 1s, retry: {jitter_factor: 20%}}}",
	},
	{
		name: "a backoff without jitter",
		bad:  "pipelines: {p: {attempt_timeout: 1s, retry: {backoff: linear}}}",
		want: "warning no-jitter pipelines.p.retry.backoff: the delays have no jitter: callers that fail together come back together",
		good: "pipelines: {p: {attempt_timeout: 1s, retry: {backoff: decorrelated}}}",
	},
	{
		name: "a retry without a budget", notes: true,
		bad:  "pipelines: {p: {attempt_timeout: 1s, retry: {max_attempts: 4}}}",
		want: "note no-budget pipelines.p.retry: no budget limits the retries: while all calls fail, the load is 4 times that of the callers",
		good: "budgets: {b: {}}\npipelines: {p: {attempt_timeout: 1s, retry: {max_attempts: 4, budget: b}}}",
	},
	{
		name: "a budget that grants everything",
		bad:  "budgets: {b: {ratio: 100%}}\npipelines: {p: {attempt_timeout: 1s, retry: {max_attempts: 2, budget: b}}}",
		want: "warning budget-never-refuses budgets.b.ratio: ratio is 100%, and p retries a call at most once: the budget never refuses it",
		good: "budgets: {b: {ratio: 90%}}\npipelines: {p: {attempt_timeout: 1s, retry: {max_attempts: 2, budget: b}}}",
	},
	{
		name: "waiting for a rejection that never says when",
		bad:  "pipelines: {p: {attempt_timeout: 1s, retry: {retry_rejected: true}}}",
		want: "warning retry-rejected-never-acts pipelines.p.retry.retry_rejected: retry_rejected never acts: no circuit, rate limit or throttle inside says when to come back",
		good: "circuits: {c: {}}\npipelines: {p: {attempt_timeout: 1s, circuit: c, retry: {retry_rejected: true}}}",
	},
	{
		name: "a retry of what hangs", notes: true,
		bad:  "budgets: {b: {}}\npipelines: {p: {total_timeout: 9s, retry: {budget: b}}}",
		want: "note no-attempt-timeout pipelines.p.retry: an attempt that hangs takes all of total_timeout, 9s: the retry acts on failures alone",
		good: "budgets: {b: {}}\npipelines: {p: {total_timeout: 9s, attempt_timeout: 2s, retry: {budget: b}}}",
	},
	{
		name: "retries stacked over retries",
		bad:  "pipelines: {p: {retry: {}, pipeline: in}, in: {attempt_timeout: 1s, retry: {max_attempts: 4}}}",
		want: "warning stacked-retries pipelines.p.pipeline: retries are stacked: p makes up to 3 attempts, in inside it up to 4: 12 runs of the function for one call",
		good: "pipelines: {p: {pipeline: in}, in: {attempt_timeout: 1s, retry: {max_attempts: 4}}}",
	},
	{
		name: "stacked retries with budgets", notes: true,
		bad:  "budgets: {b: {}}\npipelines: {p: {retry: {budget: b}, pipeline: in}, in: {attempt_timeout: 1s, retry: {budget: b}}}",
		want: "note stacked-retries pipelines.p.pipeline: retries are stacked: p makes up to 3 attempts, in inside it up to 3: 9 runs of the function for one call",
		good: "budgets: {b: {}}\npipelines: {p: {pipeline: in}, in: {attempt_timeout: 1s, retry: {budget: b}}}",
	},
	{
		name: "a hedge later than the attempt's end",
		bad:  "pipelines: {p: {attempt_timeout: 1s, hedge: {delay: 1s}}}",
		want: "error hedge-never-acts pipelines.p.hedge.delay: an extra attempt begins after 1s, but an attempt ends within 1s: the hedge never acts",
		good: "pipelines: {p: {attempt_timeout: 1s, hedge: {delay: 300ms}}}",
	},
	{
		name: "a learned hedge later than the call's end",
		bad:  "pipelines: {p: {total_timeout: 1s, hedge: {min_delay: 2s}}}",
		want: "error hedge-never-acts pipelines.p.hedge.min_delay: an extra attempt begins after 2s, but an attempt ends within 1s: the hedge never acts",
		good: "pipelines: {p: {total_timeout: 1s, hedge: {max_delay: 100us}}}",
	},
	{
		name: "a circuit that rate limits starve",
		bad:  "circuits: {c: {window: 10s, failure_rate: 50%, min_calls: 30}}\nrate_limits: {r: {limit: 2, burst: 1}}\npipelines: {p: {circuit: c, rate_limit: r, attempt_timeout: 1s}}",
		want: "error circuit-never-opens circuits.c.min_calls: the circuit opens after 30 calls within 10s, but the rate limits before it let at most 23 calls through: it never opens",
		good: "circuits: {c: {window: 10s, failure_rate: 50%, min_calls: 23}}\nrate_limits: {r: {limit: 2, burst: 1}}\npipelines: {p: {circuit: c, rate_limit: r, attempt_timeout: 1s}}",
	},
	{
		name: "a threshold that a starved window never holds",
		bad:  "circuits: {c: {window: 10s, failure_threshold: 30}}\nrate_limits: {r: {limit: 2, burst: 1}}\npipelines: {p: {circuit: c, rate_limit: r, attempt_timeout: 1s}, q: {circuit: c, rate_limit: r, attempt_timeout: 1s}}",
		want: "error circuit-never-opens circuits.c.failure_threshold: the circuit opens after 30 calls within 10s, but the rate limits before it let at most 23 calls through: it never opens",
		good: "circuits: {c: {window: 10s, failure_threshold: 30}}\nrate_limits: {r: {limit: 2, burst: 1}}\npipelines: {p: {circuit: c, rate_limit: r, attempt_timeout: 1s}, q: {circuit: c, attempt_timeout: 1s}}",
	},
	{
		name: "a circuit that sees too few hanging calls",
		bad:  "circuits: {c: {window: 10s, failure_rate: 50%}}\nbulkheads: {b: {limit: 4}}\npipelines: {p: {circuit: c, bulkhead: b, attempt_timeout: 5s}}",
		want: "warning circuit-blind-to-hangs circuits.c.min_calls: the circuit opens after 20 calls within 10s, but while calls hang the bulkheads let at most 12 calls end: it does not open then",
		good: "circuits: {c: {window: 10s, failure_rate: 50%}}\nbulkheads: {b: {limit: 4}}\npipelines: {p: {circuit: c, bulkhead: b, attempt_timeout: 2s}}",
	},
	{
		name: "slow calls that end before they are slow",
		bad:  "circuits: {c: {window: 10s, slow_call: 3s, slow_rate: 50%}}\npipelines: {p: {circuit: c, attempt_timeout: 2s}}",
		want: "error slow-call-never-acts circuits.c.slow_call: slow_call is 3s, but no attempt takes longer than 2s: no call is ever slow",
		good: "circuits: {c: {window: 10s, slow_call: 3s, slow_rate: 50%}}\npipelines: {p: {circuit: c, attempt_timeout: 3s}}",
	},
	{
		name: "probes sooner than attempts end",
		bad:  "circuits: {c: {recovery_timeout: 5s}}\npipelines: {p: {circuit: c, attempt_timeout: 10s}}",
		want: "warning recovery-shorter-than-attempt circuits.c.recovery_timeout: recovery_timeout is 5s, but an attempt takes up to 10s: probes are sent while the ones before them still hang",
		good: "circuits: {c: {recovery_timeout: 10s}}\npipelines: {p: {circuit: c, attempt_timeout: 10s}}",
	},
	{
		name: "probes at once",
		bad:  "circuits: {c: {recovery_timeout: none}}\npipelines: {p: {circuit: c, attempt_timeout: 10s}}",
		want: "warning no-recovery-time circuits.c.recovery_timeout: the circuit admits probes at once: a dependency that is down gets no rest",
		good: "circuits: {c: {}}\npipelines: {p: {circuit: c, attempt_timeout: 10s}}",
	},
	{
		name: "a shadow", notes: true,
		bad:  "circuits: {c: {shadow: true}}\npipelines: {p: {circuit: c, attempt_timeout: 10s}}",
		want: "note shadow circuits.c.shadow: the circuit is a shadow: it counts and tells, and refuses no call",
		good: "circuits: {c: {}}\npipelines: {p: {circuit: c, attempt_timeout: 10s}}",
	},
	{
		name: "a circuit that one call opens",
		bad:  "circuits: {c: {failure_threshold: 3}}\npipelines: {p: {circuit: c, attempt_timeout: 1s, retry: {}}}",
		want: "warning one-call-opens circuits.c: one call of p makes 3 attempts, and circuit c opens after 3: a single call opens it for all",
		good: "circuits: {c: {failure_threshold: 4}}\npipelines: {p: {circuit: c, attempt_timeout: 1s, retry: {}}}",
	},
	{
		name: "a value that expires while it is refreshed",
		bad:  "pipelines: {p: {attempt_timeout: 10s, cache: {key: id, ttl: 1m, stale: 2s, refresh_timeout: 5s}}}",
		want: "warning stale-shorter-than-refresh pipelines.p.cache.stale: stale is 2s, but a refresh takes up to 5s: calls wait for a slow one",
		good: "pipelines: {p: {attempt_timeout: 2s, cache: {key: id, ttl: 1m, stale: 2s, refresh_timeout: 5s}}}",
	},
	{
		name: "a default that is longer than stale", notes: true,
		bad:  "pipelines: {p: {attempt_timeout: 1m, cache: {key: id, ttl: 1m, stale: 2s}}}",
		want: "note stale-shorter-than-refresh pipelines.p.cache.stale: stale is 2s, but a refresh takes up to 30s: calls wait for a slow one",
		good: "pipelines: {p: {attempt_timeout: 1m, cache: {key: id, ttl: 1m, stale: 30s}}}",
	},
	{
		name: "chaos",
		bad:  "pipelines: {p: {attempt_timeout: 1s, chaos: {rate: 5%, enabled: true, latency: 100ms}}}",
		want: "warning chaos-enabled pipelines.p.chaos: chaos injects faults into 5% of the attempts of p",
		good: "pipelines: {p: {attempt_timeout: 1s, chaos: {rate: 5%, latency: 100ms}}}",
	},
	{name: "an unused circuit", bad: "circuits: {c: {}}", want: "warning unused circuits.c: no pipeline uses circuits.c"},
	{name: "an unused budget", bad: "budgets: {b: {}}", want: "warning unused budgets.b: no pipeline uses budgets.b"},
	{name: "an unused throttle", bad: "throttles: {t: {}}", want: "warning unused throttles.t: no pipeline uses throttles.t"},
	{name: "an unused bulkhead", bad: "bulkheads: {b: {limit: 1}}", want: "warning unused bulkheads.b: no pipeline uses bulkheads.b"},
	{name: "an unused rate limit", bad: "rate_limits: {r: {limit: 1}}", want: "warning unused rate_limits.r: no pipeline uses rate_limits.r"},
	{name: "an unused adaptive limit", bad: "adaptive_limits: {a: {}}", want: "warning unused adaptive_limits.a: no pipeline uses adaptive_limits.a"},
	{
		name: "a budget that a hedge uses",
		bad:  "budgets: {b: {}, c: {}}\npipelines: {p: {attempt_timeout: 1s, hedge: {delay: 1ms, budget: b}}}",
		want: "warning unused budgets.c: no pipeline uses budgets.c",
		good: "budgets: {b: {}}\npipelines: {p: {attempt_timeout: 1s, hedge: {delay: 1ms, budget: b}}}",
	},
	{
		name: "a family with nothing of its own", notes: true,
		bad:  "pipelines: {p: {total_timeout: 1s}}\nfamilies: {f: {pipeline: p}}",
		want: "note members-share-all families.f: the members of f have no state of their own: all of it is shared",
		good: "pipelines: {p: {total_timeout: 1s}}\nfamilies: {f: {pipeline: p, circuit: {}}}",
	},
	{
		name: "a family of one",
		bad:  "pipelines: {p: {total_timeout: 1s}}\nfamilies: {f: {pipeline: p, circuit: {}, max: 1}}",
		want: "warning family-of-one families.f.max: max is 1: all keys but one share a state",
		good: "pipelines: {p: {total_timeout: 1s}}\nfamilies: {f: {pipeline: p, circuit: {}, max: 2}}",
	},
	{
		name: "a family's circuit that one call opens",
		bad:  "pipelines: {p: {attempt_timeout: 1s, retry: {}}}\nfamilies: {f: {pipeline: p, circuit: {failure_threshold: 2}}}",
		want: "warning one-call-opens families.f.circuit: one call of f makes 3 attempts, and circuit f opens after 2: a single call opens it for all",
		good: "pipelines: {p: {attempt_timeout: 1s, retry: {}}}\nfamilies: {f: {pipeline: p, circuit: {}}}",
	},
	{
		name: "a family whose members share a circuit and not the rate",
		bad:  "circuits: {c: {window: 10s, failure_rate: 50%}}\npipelines: {p: {circuit: c, attempt_timeout: 5s}, q: {circuit: c, attempt_timeout: 40s}}\nfamilies: {f: {pipeline: p, rate_limit: {limit: 1}, throttle: {}, bulkhead: {limit: 1}, adaptive_limit: {}}}",
		want: "warning recovery-shorter-than-attempt circuits.c.recovery_timeout: recovery_timeout is 30s, but an attempt takes up to 40s: probes are sent while the ones before them still hang",
		good: "circuits: {c: {window: 10s, failure_rate: 50%}}\npipelines: {p: {circuit: c, attempt_timeout: 5s}}\nfamilies: {f: {pipeline: p, rate_limit: {limit: 1}, bulkhead: {limit: 1}}}",
	},
}

func TestFindsAFaultAndNothingWithoutIt(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, []string{c.want}, found(t, c.bad, c.notes))
			if c.good != "" {
				assert.Empty(t, found(t, c.good, c.notes), "in what is sane")
			}
		})
	}
}

func TestEachCodeIsTested(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range cases {
		tested[strings.Fields(c.want)[1]] = true
	}
	assert.Len(t, tested, 32)
}

func TestAHedgeWithoutABudgetIsNoted(t *testing.T) {
	spec := load(t, "pipelines: {p: {attempt_timeout: 1s, hedge: {delay: 300ms, max_extra: 2}}}")
	spec.Pipelines["p"].Hedge.Budget = hedge.NoBudget
	all := analysis.Check(spec)
	require.Len(t, all, 1)
	assert.Equal(t, "no budget limits the hedge: while calls are slow, the load is 3 times that of the callers", all[0].Text)
}

func TestAChaosWithARateFuncIsFound(t *testing.T) {
	spec := load(t, "pipelines: {p: {attempt_timeout: 1s, chaos: {enabled: true, error: down}}}")
	assert.Empty(t, analysis.Check(spec), "its rate is 0")
	spec.Pipelines["p"].Chaos.RateFunc = func(context.Context) float64 { return 1 }
	assert.Len(t, analysis.Check(spec), 1)
}

func TestWhatDoesNotResolveIsLeftToTheRegistry(t *testing.T) {
	for _, spec := range []registry.Spec{
		{Pipelines: map[string]registry.PipelineSpec{"p": {Pipeline: "p"}}},
		{Pipelines: map[string]registry.PipelineSpec{"p": {Circuit: "none"}}},
		{Pipelines: map[string]registry.PipelineSpec{"p": {Retry: &registry.RetrySpec{BudgetName: "none"}}}},
		{Families: map[string]registry.FamilySpec{"f": {Pipeline: "none"}}},
	} {
		require.Error(t, spec.Validate())
		assert.Empty(t, analysis.ExplainAll(spec))
		assert.NotPanics(t, func() { analysis.Check(spec) })
	}
}
