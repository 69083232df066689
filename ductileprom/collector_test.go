package ductileprom_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductileprom"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// everything returns a Stats with at least one series of every instrument.
func everything() *observe.Stats {
	s := observe.New(observe.Config{MaxKeys: 2})
	s.Watch(
		breaker.NewCircuit(breaker.Config{Name: "stripe"}),
		bulkhead.NewGate(bulkhead.Config{Name: "pool", Limit: 20}),
		retry.NewBudget(retry.BudgetConfig{Name: "outbound"}),
		throttle.NewThrottle(throttle.Config{Name: "quotes"}),
	)
	observed(
		s,
		policy.Event{Kind: policy.Started, Pipeline: "charge"},
		policy.Event{Kind: policy.Attempted, Pipeline: "charge", Policy: "retry", Attempt: 1, Took: time.Millisecond, Err: errDown},
		policy.Event{Kind: policy.Retried, Pipeline: "charge", Policy: "retry", Delay: time.Second, Reason: "server"},
		policy.Event{Kind: policy.Judged, Policy: "breaker", Name: "stripe", Outcome: policy.Failure, Reason: "slow"},
		policy.Event{Kind: policy.StateChanged, Policy: "breaker", Name: "other", From: "closed", To: "open"},
		policy.Event{Kind: policy.Waited, Policy: "bulkhead", Name: "pool", Delay: time.Millisecond},
		policy.Event{Kind: policy.Rejected, Pipeline: "charge", Policy: "breaker", Name: "stripe", Key: "eu", Reason: "open"},
		policy.Event{Kind: policy.Finished, Pipeline: "charge", Attempt: 2, Elapsed: time.Second, Reason: "retry"},
		policy.Event{Kind: policy.Finished, Pipeline: "charge", Attempt: 1, Elapsed: time.Second, Err: &breaker.OpenError{Name: "stripe"}},
	)
	return s
}

func TestMetricsAreNamedAsDocumented(t *testing.T) {
	families := gathered(t, everything())
	got := map[string]string{}
	for name, f := range families {
		var names []string
		for _, pair := range f.GetMetric()[0].GetLabel() {
			names = append(names, pair.GetName())
		}
		got[name] = strings.ToLower(f.GetType().String()) + " " + strings.Join(names, " ")
	}
	assert.Equal(t, map[string]string{
		"ductile_call_duration_seconds":     "histogram error_type key operation otel_metric_overflow outcome pipeline rescue",
		"ductile_attempt_duration_seconds":  "histogram attempt_type error_type key otel_metric_overflow outcome pipeline policy",
		"ductile_call_attempts":             "histogram otel_metric_overflow pipeline",
		"ductile_retry_delay_seconds":       "histogram key otel_metric_overflow pipeline policy source",
		"ductile_rejections_total":          "counter key otel_metric_overflow pipeline policy policy_type reason",
		"ductile_calls_in_flight":           "gauge otel_metric_overflow pipeline",
		"ductile_circuit_calls_total":       "counter circuit key otel_metric_overflow outcome slow",
		"ductile_circuit_state":             "gauge circuit otel_metric_overflow state",
		"ductile_circuit_transitions_total": "counter circuit from key otel_metric_overflow to",
		"ductile_queue_wait_seconds":        "histogram key otel_metric_overflow policy policy_type",
		"ductile_queue_length":              "gauge otel_metric_overflow policy policy_type",
		"ductile_permits_used":              "gauge otel_metric_overflow policy policy_type",
		"ductile_permits_limit":             "gauge otel_metric_overflow policy policy_type",
		"ductile_budget_remaining_ratio":    "gauge otel_metric_overflow policy",
		"ductile_throttle_rate_ratio":       "gauge otel_metric_overflow policy",
		"ductile_series_dropped_total":      "counter ",
	}, got)
}

// An instrument that is new in package observe must not be lost.
func TestEveryInstrumentIsAMetric(t *testing.T) {
	assert.Len(t, gathered(t, everything()), len(observe.Instruments()))
}

func TestTheLinterOfPrometheusFindsNothing(t *testing.T) {
	found, err := testutil.CollectAndLint(ductileprom.NewCollector(everything()))
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestSeriesHaveTheirLabelsAndValues(t *testing.T) {
	families := gathered(t, everything())
	for _, want := range []struct {
		name   string
		labels labels
		value  float64
	}{
		{"ductile_calls_in_flight", labels{"pipeline": "charge"}, 0},
		{"ductile_circuit_calls_total", labels{"circuit": "stripe", "outcome": "failure", "slow": "true"}, 1},
		{"ductile_circuit_state", labels{"circuit": "stripe", "state": "closed"}, 1},
		{"ductile_circuit_state", labels{"circuit": "stripe", "state": "half-open"}, 0},
		{"ductile_circuit_transitions_total", labels{"circuit": "other", "from": "closed", "to": "open"}, 1},
		{"ductile_rejections_total", labels{"pipeline": "charge", "policy": "stripe", "policy_type": "breaker", "reason": "open", "key": "eu"}, 1},
		{"ductile_permits_limit", labels{"policy": "pool", "policy_type": "bulkhead"}, 20},
		{"ductile_queue_length", labels{"policy": "pool", "policy_type": "bulkhead"}, 0},
		{"ductile_budget_remaining_ratio", labels{"policy": "outbound"}, 1},
		{"ductile_series_dropped_total", labels{}, 0},
	} {
		m := find(t, families, want.name, want.labels)
		assert.Equal(t, want.value, m.GetCounter().GetValue()+m.GetGauge().GetValue(), "%s%v", want.name, want.labels)
	}
	for _, want := range []struct {
		name   string
		labels labels
		sum    float64
	}{
		{"ductile_call_duration_seconds", labels{"pipeline": "charge", "outcome": "success", "rescue": "retry"}, 1},
		{"ductile_call_duration_seconds", labels{"pipeline": "charge", "outcome": "rejected", "error_type": "open"}, 1},
		{"ductile_attempt_duration_seconds", labels{"pipeline": "charge", "policy": "retry", "attempt_type": "original", "outcome": "failure", "error_type": "*errors.errorString"}, 0.001},
		{"ductile_retry_delay_seconds", labels{"pipeline": "charge", "policy": "retry", "source": "server"}, 1},
		{"ductile_queue_wait_seconds", labels{"policy": "pool", "policy_type": "bulkhead"}, 0.001},
	} {
		h := find(t, families, want.name, want.labels).GetHistogram()
		assert.EqualValues(t, 1, h.GetSampleCount(), "%s%v", want.name, want.labels)
		assert.InDelta(t, want.sum, h.GetSampleSum(), 1e-9, "%s%v", want.name, want.labels)
	}
	attempts := find(t, families, "ductile_call_attempts", labels{"pipeline": "charge"}).GetHistogram()
	assert.EqualValues(t, 2, attempts.GetSampleCount())
	assert.InDelta(t, 3, attempts.GetSampleSum(), 0)
}

func TestSeriesBeyondTheLimitAreOneOverflowSeries(t *testing.T) {
	s := observe.New(observe.Config{MaxSeries: 3})
	for i := range 10 {
		observed(s, finished(fmt.Sprint("pipeline-", i), time.Second))
	}
	families := gathered(t, s)
	assert.Len(t, families["ductile_call_duration_seconds"].GetMetric(), 4)
	rest := find(t, families, "ductile_call_duration_seconds", labels{"otel_metric_overflow": "true"})
	assert.EqualValues(t, 7, rest.GetHistogram().GetSampleCount())
	dropped := find(t, families, "ductile_series_dropped_total", labels{})
	assert.InDelta(t, 14, dropped.GetCounter().GetValue(), 0, "7 durations and 7 numbers of attempts")
}

func TestANewStatsHasNoSeriesButTheDroppedOnes(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(ductileprom.NewCollector(observe.New(observe.Config{})))
	require.NoError(t, testutil.GatherAndCompare(r, strings.NewReader(`
# HELP ductile_series_dropped_total Measurements in overflow series.
# TYPE ductile_series_dropped_total counter
ductile_series_dropped_total 0
`)))
}

func TestTwoStatsFitIntoOneRegistryWithLabels(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	for _, part := range []string{"a", "b"} {
		require.NoError(t, prometheus.WrapRegistererWith(prometheus.Labels{"part": part}, r).Register(ductileprom.NewCollector(everything())))
	}
	n, err := testutil.GatherAndCount(r, "ductile_permits_limit")
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	require.Error(t, prometheus.WrapRegistererWith(prometheus.Labels{"part": "a"}, r).Register(ductileprom.NewCollector(everything())))
}

func TestNothingIsRegisteredByDefault(t *testing.T) {
	ductileprom.NewCollector(everything())
	families, err := prometheus.DefaultGatherer.Gather()
	require.NoError(t, err)
	for _, f := range families {
		assert.NotContains(t, f.GetName(), "ductile")
	}
}

func TestNilArgumentsPanic(t *testing.T) {
	assert.PanicsWithValue(t, "ductileprom: NewCollector: observe: zero Stats, want one made by New",
		func() { ductileprom.NewCollector(new(observe.Stats)) })
	assert.PanicsWithValue(t, "ductileprom: NewCollector: s is nil, want the *observe.Stats to export",
		func() { ductileprom.NewCollector(nil) })
	assert.PanicsWithValue(t, "ductileprom: NewCollector: an Option is nil, want none or one of this package",
		func() { ductileprom.NewCollector(everything(), nil) })
}

// Of throttles of one name the highest rate counts, also where names become one.
func TestThrottlesWhoseNamesBecomeOneShowTheHighestRate(t *testing.T) {
	s := observe.New(observe.Config{})
	clk := fake.NewClock()
	shedding := throttle.NewThrottle(throttle.Config{Name: "t\xfe", MinCalls: 1, Clock: clk})
	s.Watch(shedding, throttle.NewThrottle(throttle.Config{Name: "t\xff", Clock: clk}))
	for range 10 {
		_, _ = throttle.Do(t.Context(), shedding, func(context.Context) (int, error) { return 0, errDown })
	}
	want := shedding.Snapshot().Rate
	require.Positive(t, want)
	m := find(t, gathered(t, s), "ductile_throttle_rate_ratio", labels{"policy": "t\uFFFD"})
	assert.InDelta(t, want, m.GetGauge().GetValue(), 1e-9)
}

// A label value that is not UTF-8 would otherwise fail the whole scrape, and so would two
// that become the same.
func TestNamesThatAreNotUTF8DoNotFailAScrape(t *testing.T) {
	s := observe.New(observe.Config{})
	s.Watch(
		breaker.NewCircuit(breaker.Config{Name: "c\xfe"}), breaker.NewCircuit(breaker.Config{Name: "c\xff"}),
		retry.NewBudget(retry.BudgetConfig{Name: "b\xff"}), retry.NewBudget(retry.BudgetConfig{Name: "b\xfe"}),
	)
	for _, name := range []string{"p\xfe", "p\xff", "p\uFFFD"} {
		observed(s, finished(name, time.Second), finished(name, 0), policy.Event{
			Kind: policy.Rejected, Pipeline: name, Policy: "breaker", Name: "c", Reason: "open",
		})
	}
	observed(s, finished("q\xfe", 0), finished("q\xff", time.Millisecond))
	families := gathered(t, s)
	m := find(t, families, "ductile_call_duration_seconds", labels{"pipeline": "p\uFFFD", "outcome": "success", "rescue": "none"})
	h := m.GetHistogram()
	assert.EqualValues(t, 6, h.GetSampleCount())
	assert.InDelta(t, 3, h.GetSampleSum(), 1e-9)
	assert.EqualValues(t, 3, h.GetZeroCount())
	assert.Equal(t, []int64{3}, h.GetPositiveDelta())
	assert.EqualValues(t, 6, h.GetBucket()[9].GetCumulativeCount(), "up to 1 s")
	h = find(t, families, "ductile_call_duration_seconds", labels{"pipeline": "q\uFFFD", "outcome": "success", "rescue": "none"}).GetHistogram()
	assert.Equal(t, []int64{1}, h.GetPositiveDelta())
	rejections := find(t, families, "ductile_rejections_total", labels{"pipeline": "p\uFFFD", "policy": "c", "policy_type": "breaker", "reason": "open"})
	assert.InDelta(t, 3, rejections.GetCounter().GetValue(), 0)
	state := find(t, families, "ductile_circuit_state", labels{"circuit": "c\uFFFD", "state": "closed"})
	assert.InDelta(t, 1, state.GetGauge().GetValue(), 0)
	budget := find(t, families, "ductile_budget_remaining_ratio", labels{"policy": "b\uFFFD"})
	assert.InDelta(t, 1, budget.GetGauge().GetValue(), 0)
}
