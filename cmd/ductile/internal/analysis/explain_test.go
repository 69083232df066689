package analysis_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cmd/ductile/internal/analysis"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/retry"
)

const (
	ms  = analysis.Span(time.Millisecond)
	sec = 1000 * ms
)

func explain(t *testing.T, text, name string) analysis.Report {
	r, err := analysis.Explain(load(t, text), name)
	require.NoError(t, err)
	return r
}

func TestNestedRetriesAreMultiplied(t *testing.T) {
	r := explain(t, `
pipelines:
  outer: {retry: {max_attempts: 3}, pipeline: middle}
  middle: {hedge: {delay: 100ms, max_extra: 2}, pipeline: inner}
  inner: {retry: {max_attempts: 4}, attempt_timeout: 1s}
`, "outer")
	assert.Equal(t, analysis.Count(36), r.Attempts.Most)
	assert.Equal(t, []analysis.Level{{"outer", "retry", 3}, {"middle", "hedge", 3}, {"inner", "retry", 4}}, r.Attempts.Levels)
	assert.Equal(t, "retry(3) > middle(hedge(100ms) > inner(retry(4) > timeout(1s)))", r.Policies)
}

func TestTheLongestTimeHasDelaysAndJitter(t *testing.T) {
	r := explain(t, "pipelines: {p: {retry: {max_attempts: 3, base_delay: 1s, jitter_factor: 50%}, attempt_timeout: 2s}}", "p")
	assert.Equal(t, 10500*ms, r.Time.Longest, "3 x 2s + 1.5s + 3s")
	assert.True(t, r.Time.Reached)
	assert.Equal(t, [2]analysis.Span{1500 * ms, 4500 * ms}, r.Time.GivesUp)
	assert.Equal(t, 96*sec, r.Time.Hinted, "3 x 2s + 2 x 30s with half of it as jitter")
}

func TestACallMayGiveUpOutsideOfTheShortestAndTheLongestDelays(t *testing.T) {
	const text = "pipelines: {p: {total_timeout: 3s, retry: {max_attempts: 3, base_delay: 1s}}}"
	r := explain(t, text, "p")
	assert.Equal(t, [2]analysis.Span{2700 * ms, 1100 * ms}, r.Time.GivesUp)
	assert.True(t, r.Time.Cut)
	for want, jitter := range map[analysis.Span][]float64{2980 * ms: {0.5, 0.45}, 900 * ms: {0, 0.99}} {
		synctest.Test(t, func(t *testing.T) {
			next := func() (x float64) { x, jitter = jitter[0], jitter[1:]; return x }
			assert.Equal(t, want, call(t.Context(), realOf(t, load(t, text), "p", next, nil), fails).took)
		})
	}
	assert.False(t, explain(t, "pipelines: {p: {total_timeout: 4s, retry: {max_attempts: 3, base_delay: 1s}}}", "p").Time.Cut)
}

func TestTheTotalTimeoutEndsTheLongestTime(t *testing.T) {
	r := explain(t, "pipelines: {p: {total_timeout: 4s, retry: {max_attempts: 3}, attempt_timeout: 2s}}", "p")
	assert.Equal(t, 4*sec, r.Time.Longest)
	assert.True(t, r.Time.Reached)
	assert.Equal(t, 4*sec, r.Time.Hinted)
}

func TestMaxElapsedEndsBeforeTheLastAttempt(t *testing.T) {
	r := explain(t, "pipelines: {p: {retry: {max_attempts: unlimited, base_delay: 1s, multiplier: 1, jitter_factor: none, max_elapsed: 10s}, attempt_timeout: 2s}}", "p")
	assert.Equal(t, 12*sec, r.Time.Longest, "the last attempt begins after 10s at the latest")
	assert.Equal(t, analysis.Count(11), r.Attempts.Most, "at 0s, 1s, ... 10s")
	assert.True(t, r.Attempts.Reached)
}

func TestVeryManyAttemptsAreReckoned(t *testing.T) {
	for text, want := range map[string]analysis.Count{
		"max_attempts: unlimited, max_elapsed: 100s, base_delay: 1ms, max_delay: 1ms, jitter_factor: none":       100_001,
		"max_attempts: 30000, max_elapsed: 100s, base_delay: 1ms, max_delay: 1ms, jitter_factor: none":           30_000,
		"max_attempts: unlimited, max_elapsed: 100s, base_delay: none":                                           analysis.Unlimited,
		"max_attempts: 30000, max_elapsed: 100s, backoff: full_jitter":                                           30_000,
		"max_attempts: 30000, base_delay: 1s":                                                                    30_000,
		"max_attempts: 1000, max_elapsed: 1s, backoff: mine":                                                     1000,
		"max_attempts: unlimited, max_elapsed: 1s, backoff: constant, base_delay: 100ms":                         11,
		"max_attempts: unlimited, max_elapsed: 1s, backoff: linear, base_delay: 100ms":                           5,
		"max_attempts: unlimited, max_elapsed: 1s, backoff: fibonacci, base_delay: 100ms":                        5,
		"max_attempts: unlimited, max_elapsed: 1s, backoff: decorrelated, base_delay: 100ms":                     11,
		"max_attempts: unlimited, max_elapsed: 1s, backoff: equal_jitter, base_delay: 100ms":                     5,
		"max_attempts: unlimited, max_elapsed: 1s, backoff: exponential, base_delay: 100ms, jitter_factor: none": 4,
	} {
		r := explain(t, "pipelines: {p: {attempt_timeout: 1s, retry: {"+text+"}}}", "p")
		assert.Equal(t, want, r.Attempts.Most, text)
	}
	r := explain(t, "pipelines: {p: {attempt_timeout: 1s, retry: {max_attempts: 30000, base_delay: 1s, max_delay: 1s, jitter_factor: none}}}", "p")
	assert.Equal(t, 59_999*sec, r.Time.Longest)
	assert.False(t, r.Time.Reached, "too many to try")
}

func TestABackoffOfTheProgramIsUnknown(t *testing.T) {
	spec := load(t, "pipelines: {p: {attempt_timeout: 1s, retry: {backoff: mine}}, q: {attempt_timeout: 1s, retry: {}}}")
	spec.Pipelines["q"].Retry.Backoff = retry.Constant(time.Second)
	for _, r := range analysis.ExplainAll(spec) {
		assert.Equal(t, analysis.Count(3), r.Attempts.Most)
		assert.Equal(t, analysis.Unbounded, r.Time.Longest)
		assert.False(t, r.Attempts.Reached)
	}
}

func TestBudgetsLimitTheLoad(t *testing.T) {
	for text, want := range map[string]analysis.Load{
		"p: {retry: {max_attempts: 4}}":                                         {Most: 4, Average: 4},
		"p: {retry: {max_attempts: 4, budget: b}}":                              {Most: 4, Average: 1.2, PerSecond: 5, Budgets: []string{"b"}},
		"p: {retry: {max_attempts: 4, budget: b}, pipeline: q}, q: {retry: {}}": {Most: 12, Average: 3.6, PerSecond: 15, Budgets: []string{"b"}},
		"p: {retry: {}, pipeline: q}, q: {retry: {budget: b}}":                  {Most: 9, Average: 3.6, PerSecond: 15, Budgets: []string{"b"}},
		"p: {retry: {budget: b}, pipeline: q}, q: {retry: {budget: b}}":         {Most: 9, Average: 1.2, PerSecond: 5, Budgets: []string{"b"}},
		"p: {retry: {budget: b}, pipeline: q}, q: {retry: {budget: c}}":         {Most: 9, Average: 1.8, PerSecond: 7.5, Budgets: []string{"b", "c"}},
		"p: {hedge: {delay: 1ms}}":                                              {Most: 2, Average: 1.1, PerSecond: 1, Budgets: []string{"hedge"}},
		"p: {hedge: {delay: 1ms, budget: b}, retry: {budget: b}}":               {Most: 6, Average: 1.2, PerSecond: 5, Budgets: []string{"b"}},
		"p: {}": {Most: 1, Average: 1},
	} {
		budgets := "budgets: {b: {ratio: 20%, min_per_second: 5}, c: {ratio: 50%, min_per_second: none}}\npipelines: {" + text + "}"
		got := explain(t, budgets, "p").Load
		assert.Equal(t, want.Most, got.Most, text)
		assert.InDelta(t, float64(want.Average), float64(got.Average), 1e-9, text)
		assert.InDelta(t, float64(want.PerSecond), float64(got.PerSecond), 1e-9, text)
		assert.Equal(t, want.Budgets, got.Budgets, text)
	}
}

func TestUnlimitedRetriesHaveUnlimitedLoad(t *testing.T) {
	r := explain(t, "budgets: {b: {}}\npipelines: {p: {retry: {max_attempts: unlimited}, pipeline: q}, q: {retry: {budget: b}}}", "p")
	assert.Equal(t, analysis.Unlimited, r.Load.Most)
	text, err := json.Marshal(r.Load)
	require.NoError(t, err)
	assert.JSONEq(t, `{"most": "unlimited", "average": "unlimited", "per_second": "unlimited", "budgets": ["b"]}`, string(text))
	r = explain(t, "budgets: {b: {min_per_second: none}}\npipelines: {p: {retry: {max_attempts: unlimited}, pipeline: q}, q: {retry: {budget: b}}}", "p")
	assert.Zero(t, r.Load.PerSecond, "none, times unlimited")
}

func TestAHedgeThatItsBudgetRefusesBeginsLater(t *testing.T) {
	const text = "pipelines: {p: {attempt_timeout: 1s, hedge: {delay: 300ms, max_extra: 2}}}"
	assert.Equal(t, 2800*ms, explain(t, text, "p").Time.Longest, "the extra ones begin at 900ms and at 1.8s")
	spec := load(t, text)
	spec.Pipelines["p"].Hedge.Budget = hedge.NoBudget
	r, err := analysis.Explain(spec, "p")
	require.NoError(t, err)
	assert.Equal(t, 1600*ms, r.Time.Longest)
	assert.True(t, r.Time.Reached)
}

func TestAVeryShortHedgeDelayIsAskedAgainLater(t *testing.T) {
	r := explain(t, "pipelines: {p: {attempt_timeout: 1s, hedge: {delay: 1us}}}", "p")
	assert.Equal(t, 2*sec, r.Time.Longest)
}

func TestASmallRateIsNotZero(t *testing.T) {
	r := explain(t, `
budgets: {b: {min_per_second: 0.001}}
circuits: {c: {window: 2h, failure_rate: 50%, min_calls: 10}}
rate_limits: {l: {limit: 10, per: 1h}}
pipelines: {p: {retry: {budget: b}, circuit: c, rate_limit: l, attempt_timeout: 1s}}
`, "p")
	assert.Equal(t, "0.0028", r.Rates[0].PerSecond.String())
	assert.Equal(t, "0.0014", r.Circuits[0].NeedsPerSecond.String())
	assert.Equal(t, "0.001", r.Load.PerSecond.String())
	text, err := json.Marshal(r.Rates[0])
	require.NoError(t, err)
	assert.Contains(t, string(text), `"per_second":0.0028,`)
	assert.Equal(t, "0.1", analysis.Factor(0.0999).String())
	assert.Equal(t, "0", analysis.Factor(0).String())
}

func TestACircuitsOpeningsAreInWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":                     {"after 5 failures in a row"},
		"failure_threshold: 1": {"at the first failure"},
		"window: 10s":          {"when 5 of the calls of the last 10s have failed"},
		"window: 1m, failure_rate: 12.5%, min_calls: 1, failure_threshold: 7": {
			"when 7 of the calls of the last 1m have failed", "when 12.5% of the calls of the last 1m have failed, at least 1 call in all",
		},
		"window_calls: 10, slow_call: 1500ms, slow_rate: 80%": {
			"when 5 of the last 10 calls have failed", "when 80% of the last 10 calls took 1.5s or longer, at least 10 calls in all",
		},
	} {
		c := explain(t, "circuits: {c: {"+text+"}}\npipelines: {p: {circuit: c}}", "p").Circuits[0]
		assert.Equal(t, want, c.Opens, text)
	}
}

func TestACircuitsRecoveryIsInWordsAndNumbers(t *testing.T) {
	c := explain(t, "circuits: {c: {recovery_timeout: 30s, max_recovery_timeout: 5m, recovery_jitter: 10%, window: 10s, failure_rate: 50%}}\npipelines: {p: {circuit: c}}", "p").Circuits[0]
	assert.Equal(t, []analysis.Span{30 * sec, 60 * sec, 120 * sec, 240 * sec, 300 * sec}, c.Waits)
	assert.Equal(t, [2]analysis.Span{30 * sec, 33 * sec}, c.FirstProbe)
	assert.Equal(t, analysis.Count(20), c.OpensAfter)
	assert.InDelta(t, 2.0, float64(c.NeedsPerSecond), 1e-9)
	assert.Equal(t, []string{
		"first probe after 30s to 33s",
		"then doubling while it reopens: 30s, 1m, 2m, 4m, 5m",
		"3 probes at a time; as many more if none has ended after 30s",
		"the first probe that succeeds closes it, one that fails reopens it",
	}, c.Recovers)
	c = explain(t, "circuits: {c: {recovery_timeout: none, half_open_max_calls: 1, success_threshold: 2, window: 10s, slow_call: 1s, slow_rate: 50%}}\npipelines: {p: {circuit: c}}", "p").Circuits[0]
	assert.Equal(t, []string{
		"probes at once",
		"the same wait each time that it reopens",
		"1 probe at a time; as many more if none has ended after 1s",
		"2 successful probes close it, one that fails or is slow reopens it",
	}, c.Recovers)
}

func TestNamesArePipelinesAndFamilies(t *testing.T) {
	const text = "pipelines: {p: {}, both: {}}\nfamilies: {f: {pipeline: p}, both: {pipeline: p}}"
	for name, path := range map[string]string{
		"p": "pipelines.p", "f": "families.f", "both": "pipelines.both", "families.both": "families.both", "pipelines.p": "pipelines.p",
	} {
		assert.Equal(t, path, explain(t, text, name).Path, name)
	}
	for name, want := range map[string]string{
		"q":           "unknown name: no pipeline or family is called \"q\", there are both, p, both, f",
		"boht":        "unknown name: no pipeline or family is called \"boht\", did you mean both?",
		"pipelines.x": "unknown name: no pipeline is called \"x\", there are both, p",
		"families.g":  "unknown name: no family is called \"g\", there are both, f",
	} {
		_, err := analysis.Explain(load(t, text), name)
		require.ErrorIs(t, err, analysis.ErrUnknown, name)
		assert.EqualError(t, err, want)
	}
	_, err := analysis.Explain(load(t, ""), "p")
	assert.EqualError(t, err, `unknown name: no pipeline or family is called "p"`)
}

func TestSpansAreShortAndExact(t *testing.T) {
	for s, want := range map[analysis.Span]string{
		0: "0s", 1500 * ms: "1.5s", 60 * sec: "1m", 90 * sec: "1m30s", 3600 * sec: "1h", 3660 * sec: "1h1m", 36010 * sec: "10h0m10s",
		600 * sec: "10m", 10 * sec: "10s", analysis.Unbounded: "unbounded",
	} {
		assert.Equal(t, want, s.String())
	}
}
