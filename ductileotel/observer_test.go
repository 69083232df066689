package ductileotel_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductileotel"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// everything are events that lead to a measurement of each instrument that has events.
var everything = []policy.Event{
	{Kind: policy.Started, Pipeline: "charge"},
	{Kind: policy.Waited, Pipeline: "charge", Policy: "bulkhead", Name: "db", Delay: time.Second},
	{Kind: policy.Judged, Pipeline: "charge", Policy: "breaker", Name: "stripe", Outcome: policy.Failure, Reason: "slow"},
	{Kind: policy.Attempted, Pipeline: "charge", Policy: "retry", Attempt: 1, Took: time.Second, Err: errDown},
	{Kind: policy.Retried, Pipeline: "charge", Policy: "retry", Attempt: 1, Delay: 20 * time.Millisecond, Reason: "backoff"},
	{Kind: policy.StateChanged, Pipeline: "charge", Policy: "breaker", Name: "stripe", From: "closed", To: "open"},
	{Kind: policy.Rejected, Pipeline: "charge", Policy: "breaker", Name: "stripe", Reason: "open"},
	{Kind: policy.Finished, Pipeline: "charge", Attempt: 2, Elapsed: 3 * time.Second, Err: errDown},
}

func TestEveryInstrumentIsAsPackageObserveDescribesIt(t *testing.T) {
	gate := bulkhead.NewGate(bulkhead.Config{Name: "db", Limit: 4})
	m := metered(t, ductileotel.WithCircuits(breaker.NewCircuit(breaker.Config{Name: "mail"})),
		ductileotel.WithSources(gate, retry.NewBudget(retry.BudgetConfig{}), throttle.NewThrottle(throttle.Config{})))
	m.observed(everything...)
	for i := range observe.DefaultMaxSeries { // for series.dropped
		m.observed(policy.Event{Kind: policy.Judged, Policy: "breaker", Name: fmt.Sprint(i), Outcome: policy.Success})
	}
	got := map[string]metricdata.Metrics{}
	for _, one := range m.collect(t).Metrics {
		got[one.Name] = one
	}
	for _, want := range observe.Instruments() {
		one, ok := got[want.Name]
		require.True(t, ok, want.Name)
		assert.Equal(t, want.Unit, one.Unit, want.Name)
		assert.Equal(t, want.Help, one.Description, want.Name)
		assert.Equal(t, want.Kind, kindOf(one.Data), want.Name)
		for _, p := range pointsOf(one.Data) {
			assert.Equal(t, want.Bounds, p.bounds, want.Name)
			for key := range p.attrs {
				assert.Contains(t, known(want), key, want.Name)
			}
		}
		delete(got, want.Name)
	}
	assert.Empty(t, got, "instruments that package observe does not have")
}

func known(i observe.Instrument) []string {
	all := []string{observe.LabelOverflow, observe.LabelErrorType}
	for _, label := range i.Labels {
		all = append(all, "ductile."+label)
	}
	return all
}

func kindOf(data metricdata.Aggregation) observe.Kind {
	switch data := data.(type) {
	case metricdata.Sum[int64]:
		if data.IsMonotonic {
			return observe.KindCounter
		}
		return observe.KindUpDownCounter
	case metricdata.Gauge[float64]:
		return observe.KindGauge
	}
	return observe.KindHistogram
}

func TestEachMeasurementHasTheAttributesOfTheTable(t *testing.T) {
	m := metered(t)
	m.observed(everything...)
	m.observed(policy.Event{Kind: policy.Finished, Pipeline: "charge", Attempt: 2, Elapsed: time.Second, Reason: "retry"})
	assert.InDelta(t, 3, m.point(t, "ductile.call.duration", attrs{
		"ductile.pipeline.name": "charge", "ductile.outcome": "failure", "error.type": "*errors.errorString",
	}).value, 1e-9)
	assert.InDelta(t, 1, m.point(t, "ductile.call.duration", attrs{
		"ductile.pipeline.name": "charge", "ductile.outcome": "success", "ductile.rescue": "retry",
	}).value, 1e-9)
	assert.InDelta(t, 1, m.point(t, "ductile.attempt.duration", attrs{
		"ductile.pipeline.name": "charge", "ductile.policy.name": "retry", "ductile.attempt.type": "original",
		"ductile.outcome": "failure", "error.type": "*errors.errorString",
	}).value, 1e-9)
	assert.Equal(t, []uint64{0, 2, 0, 0, 0, 0}, m.point(t, "ductile.call.attempts", attrs{"ductile.pipeline.name": "charge"}).buckets)
	assert.InDelta(t, 0.02, m.point(t, "ductile.retry.delay", attrs{
		"ductile.pipeline.name": "charge", "ductile.policy.name": "retry", "ductile.source": "backoff",
	}).value, 1e-9)
	for name, want := range map[string]attrs{
		"ductile.rejections": {
			"ductile.pipeline.name": "charge", "ductile.policy.name": "stripe", "ductile.policy.type": "breaker", "ductile.reason": "open",
		},
		"ductile.circuit.calls":       {"ductile.circuit.name": "stripe", "ductile.outcome": "failure", "ductile.slow": "true"},
		"ductile.circuit.transitions": {"ductile.circuit.name": "stripe", "ductile.from": "closed", "ductile.to": "open"},
		"ductile.queue.wait":          {"ductile.policy.name": "db", "ductile.policy.type": "bulkhead"},
	} {
		assert.InDelta(t, 1, m.point(t, name, want).value, 1e-9, name)
	}
	assert.Zero(t, m.point(t, "ductile.call.active", attrs{"ductile.pipeline.name": "charge"}).value)
	assert.Empty(t, m.points(t, "ductile.series.dropped"))
}

func TestTheScopeIsTheImportPathWithAVersion(t *testing.T) {
	m := metered(t)
	m.observed(everything...)
	scope := m.collect(t).Scope
	assert.Equal(t, "github.com/ductile-go/ductile/ductileotel", scope.Name)
	assert.Equal(t, ductileotel.Version, scope.Version)
}

func TestCallsThroughAPipelineAreMeasuredOnItsClock(t *testing.T) {
	clock := fake.NewClock(fake.AutoAdvance())
	m := metered(t)
	p := pipeline.New(
		retry.New[int](retry.Config{Clock: clock, BaseDelay: 2 * time.Second, Rand: fake.Rand(0.5)}),
		breaker.New[int](breaker.NewCircuit(breaker.Config{Name: "stripe", Clock: clock})),
	).WithName("charge").WithObserver(m.observe)
	fn := fake.NewFunc[int]().Delay(clock, time.Second).Fail(errDown).Delay(clock, 3*time.Second).Return(42)
	ctx := observe.WithOperation(context.Background(), "pay")
	v, err := p.Do(ctx, fn.Do)
	require.NoError(t, err)
	require.Equal(t, 42, v)
	assert.InDelta(t, 6, m.point(t, "ductile.call.duration", attrs{
		"ductile.pipeline.name": "charge", "ductile.outcome": "success", "ductile.rescue": "retry", "ductile.operation": "pay",
	}).value, 1e-9)
	assert.InDelta(t, 3, m.point(t, "ductile.attempt.duration", attrs{
		"ductile.pipeline.name": "charge", "ductile.policy.name": "retry", "ductile.attempt.type": "retry", "ductile.outcome": "success",
	}).value, 1e-9)
	assert.InDelta(t, 2, m.point(t, "ductile.retry.delay", attrs{
		"ductile.pipeline.name": "charge", "ductile.policy.name": "retry", "ductile.source": "backoff",
	}).value, 1e-9)
	assert.InDelta(t, 1, m.point(t, "ductile.circuit.calls", attrs{
		"ductile.circuit.name": "stripe", "ductile.outcome": "success", "ductile.slow": "false",
	}).value, 1e-9)
}

func TestOutcomesAndErrorTypesFollowTheRulesOfPackageObserve(t *testing.T) {
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, one := range []struct {
		ctx                context.Context
		err                error
		outcome, errorType string
	}{
		{context.Background(), &breaker.OpenError{Name: "stripe"}, "rejected", "open"},
		{context.Background(), fmt.Errorf("late: %w", context.DeadlineExceeded), "timeout", "timeout"},
		{canceled, context.Canceled, "canceled", "canceled"},
		{context.Background(), coded{}, "failure", "503"},
	} {
		m := metered(t)
		m.observe(one.ctx, policy.Event{Kind: policy.Finished, Pipeline: "p", Err: one.err})
		assert.EqualValues(t, 1, m.point(t, "ductile.call.duration", attrs{
			"ductile.pipeline.name": "p", "ductile.outcome": one.outcome, "error.type": one.errorType,
		}).count)
	}
}

type coded struct{}

func (coded) Error() string     { return "503 Service Unavailable" }
func (coded) ErrorType() string { return "503" }

func TestAHedgesAttemptIsToldFromARetrys(t *testing.T) {
	m := metered(t)
	m.observed(
		policy.Event{Kind: policy.Attempted, Pipeline: "p", Policy: "retry", Attempt: 2, Took: 1},
		policy.Event{Kind: policy.Attempted, Pipeline: "p", Policy: "hedge", Name: "tail", Attempt: 2, Took: 1},
	)
	for name, kind := range map[string]string{"retry": "retry", "tail": "hedge"} {
		assert.EqualValues(t, 1, m.point(t, "ductile.attempt.duration", attrs{
			"ductile.pipeline.name": "p", "ductile.policy.name": name, "ductile.attempt.type": kind, "ductile.outcome": "success",
		}).count)
	}
}

func TestAHedgedCallIsOneCallWithTwoAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metered(t)
		p := pipeline.New(hedge.New[int](hedge.Config{Delay: time.Second})).WithName("p").WithObserver(m.observe)
		_, err := p.Do(t.Context(), func(ctx context.Context) (int, error) {
			if hedge.Attempt(ctx) == 1 {
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return 1, nil
		})
		require.NoError(t, err)
		assert.EqualValues(t, 1, m.point(t, "ductile.call.duration", attrs{
			"ductile.pipeline.name": "p", "ductile.outcome": "success", "ductile.rescue": "hedge",
		}).count)
		assert.InDelta(t, 2, m.point(t, "ductile.call.attempts", attrs{"ductile.pipeline.name": "p"}).value, 1e-9)
	})
}

func TestCallsInFlightGoUpAndDownAndNeverBelowZero(t *testing.T) {
	m := metered(t)
	one := attrs{"ductile.pipeline.name": "p"}
	m.observed(policy.Event{Kind: policy.Started, Pipeline: "p"}, policy.Event{Kind: policy.Started, Pipeline: "p"})
	assert.InDelta(t, 2, m.point(t, "ductile.call.active", one).value, 0)
	for range 3 { // one more than began: the observer was attached in between
		m.observed(policy.Event{Kind: policy.Finished, Pipeline: "p"})
	}
	assert.InDelta(t, 0, m.point(t, "ductile.call.active", one).value, 0)
}

// broken is a provider whose meter cannot make counters and gauges.
type broken struct{ noop.MeterProvider }

type brokenMeter struct{ noop.Meter }

var (
	errCounter = errors.New("no counters here")
	errGauge   = errors.New("no gauges here")
)

func (broken) Meter(string, ...metric.MeterOption) metric.Meter { return brokenMeter{} }

func (brokenMeter) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return nil, errCounter
}

func (brokenMeter) Float64ObservableGauge(string, ...metric.Float64ObservableGaugeOption) (metric.Float64ObservableGauge, error) {
	return nil, errGauge
}

func TestErrorsOfTheMeterAreReturned(t *testing.T) {
	o, err := ductileotel.NewObserver(ductileotel.WithMeterProvider(broken{}))
	assert.Nil(t, o)
	require.ErrorIs(t, err, errCounter)
	require.ErrorIs(t, err, errGauge)
	assert.ErrorContains(t, err, "ductileotel: NewObserver: ")
}

func TestWithoutOptionsTheGlobalProvidersAreUsed(t *testing.T) {
	o, err := ductileotel.NewObserver(nil, ductileotel.WithMeterProvider(nil))
	require.NoError(t, err)
	for _, e := range everything {
		o(context.Background(), e)
	}
}

func TestAttributesOfTheUserAreAddedAndDoNotReplaceOurs(t *testing.T) {
	shared := []attribute.KeyValue{attribute.String("region", "eu"), attribute.String("ductile.pipeline.name", "mine"), attribute.String("a", "1")}
	m := metered(t, ductileotel.WithAttributes(func(_ context.Context, e policy.Event) []attribute.KeyValue {
		if e.Kind == policy.Judged {
			return nil
		}
		return shared
	}))
	m.observed(everything...)
	assert.EqualValues(t, 1, m.point(t, "ductile.call.duration", attrs{
		"ductile.pipeline.name": "charge", "ductile.outcome": "failure", "error.type": "*errors.errorString", "region": "eu", "a": "1",
	}).count)
	assert.NotContains(t, m.points(t, "ductile.circuit.calls")[0].attrs, "region")
	assert.NotContains(t, m.points(t, "ductile.call.active")[0].attrs, "region", "else it would not return to 0")
	assert.Equal(t, "region", string(shared[0].Key), "the slice is the user's")
}

func TestSetsOfTheUsersAttributesAreSeriesOfTheirOwn(t *testing.T) {
	type keyOf struct{}
	m := metered(t, ductileotel.WithAttributes(func(ctx context.Context, _ policy.Event) []attribute.KeyValue {
		return []attribute.KeyValue{attribute.String("region", ctx.Value(keyOf{}).(string))}
	}))
	for region, n := range map[string]int{"eu": 2, "us": 3} {
		for range n {
			m.observe(context.WithValue(context.Background(), keyOf{}, region), policy.Event{Kind: policy.Finished, Pipeline: "p"})
		}
		assert.EqualValues(t, n, m.point(t, "ductile.call.duration", attrs{
			"ductile.pipeline.name": "p", "ductile.outcome": "success", "ductile.rescue": "none", "region": region,
		}).count)
	}
}
