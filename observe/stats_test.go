package observe_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// charge is a pipeline with a retry and a circuit on a clock that moves by itself.
type charge struct {
	*pipeline.Pipeline[int]
	stats   *observe.Stats
	circuit *breaker.Circuit
	clk     *fake.Clock
}

func newCharge(cfg observe.Config) *charge {
	clk := fake.NewClock(fake.AutoAdvance())
	cfg.Clock = clk
	c := &charge{
		stats: observe.New(cfg), clk: clk,
		circuit: breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 3, Clock: clk}),
	}
	c.Pipeline = pipeline.New[int](
		policy.FallbackValue(7).WithCondition(func(_ int, err error) bool { return errors.Is(err, errCached) }),
		retry.New[int](retry.Config{Clock: clk, Rand: fake.Rand(0.5), JitterFactor: retry.NoJitter}),
		breaker.New[int](c.circuit),
	).WithName("charge").WithObserver(c.stats.Observe)
	return c
}

var errCached = errors.New("cached")

// does makes a call whose attempts take 100 ms each and end with the errors, and then in
// success.
func (c *charge) does(t *testing.T, errs ...error) error {
	t.Helper()
	_, err := c.Do(t.Context(), func(context.Context) (int, error) {
		c.clk.Advance(100 * time.Millisecond)
		if len(errs) == 0 {
			return 42, nil
		}
		err := errs[0]
		errs = errs[1:]
		return 0, err
	})
	return err
}

func TestACallIsCountedWithItsAttempts(t *testing.T) {
	c := newCharge(observe.Config{})
	require.NoError(t, c.does(t))
	require.NoError(t, c.does(t, errDown, errDown))
	require.NoError(t, c.does(t, retry.Permanent(errCached)))

	for rescue, seconds := range map[string]float64{"none": 0.1, "retry": 1.8, "fallback": 0.1} {
		h := series(t, c.stats, "ductile.call.duration", labels{"pipeline.name": "charge", "outcome": "success", "rescue": rescue}).Histogram
		assert.EqualValues(t, 1, h.Count, rescue)
		assert.InDelta(t, seconds, h.Sum, 1e-9, rescue)
	}
	attempts := series(t, c.stats, "ductile.call.attempts", labels{"pipeline.name": "charge"}).Histogram
	assert.EqualValues(t, 3, attempts.Count)
	assert.InDelta(t, 5, attempts.Sum, 0)
	assert.Equal(t, []uint64{2, 2, 3, 3, 3}, attempts.AtMost, "up to %v", attempts.Bounds)

	attempt := func(typ, outcome, errorType string) uint64 {
		l := labels{"pipeline.name": "charge", "policy.name": "retry", "attempt.type": typ, "outcome": outcome}
		if errorType != "" {
			l["error.type"] = errorType
		}
		h := series(t, c.stats, "ductile.attempt.duration", l).Histogram
		assert.InDelta(t, 0.1*float64(h.Count), h.Sum, 1e-9)
		return h.Count
	}
	assert.EqualValues(t, 1, attempt("original", "success", ""))
	assert.EqualValues(t, 2, attempt("original", "failure", "*errors.errorString"))
	assert.EqualValues(t, 1, attempt("retry", "failure", "*errors.errorString"))
	assert.EqualValues(t, 1, attempt("retry", "success", ""))

	delay := series(t, c.stats, "ductile.retry.delay", labels{"pipeline.name": "charge", "policy.name": "retry", "source": "backoff"}).Histogram
	assert.EqualValues(t, 2, delay.Count)
	assert.InDelta(t, 1.5, delay.Sum, 1e-9)

	calls := series(t, c.stats, "ductile.circuit.calls", labels{"circuit.name": "stripe", "outcome": "success", "slow": "false"})
	assert.InDelta(t, 2, calls.Value, 0)
	calls = series(t, c.stats, "ductile.circuit.calls", labels{"circuit.name": "stripe", "outcome": "failure", "slow": "false"})
	assert.InDelta(t, 3, calls.Value, 0)
}

func TestRejectionsAreCountedByReason(t *testing.T) {
	c := newCharge(observe.Config{})
	require.Error(t, c.does(t, errDown, errDown, errDown))
	require.ErrorIs(t, c.does(t), breaker.ErrOpen)
	c.circuit.Isolate("maintenance")
	require.ErrorIs(t, c.does(t), breaker.ErrOpen)

	for _, reason := range []string{"open", "isolated"} {
		one := series(t, c.stats, "ductile.rejections", labels{
			"pipeline.name": "charge", "policy.name": "stripe", "policy.type": "breaker", "reason": reason,
		})
		assert.InDelta(t, 1, one.Value, 0, reason)
	}
	h := series(t, c.stats, "ductile.call.duration", labels{"pipeline.name": "charge", "outcome": "rejected", "error.type": "open"}).Histogram
	assert.EqualValues(t, 2, h.Count)
	h = series(t, c.stats, "ductile.call.duration", labels{"pipeline.name": "charge", "outcome": "failure", "error.type": "*errors.errorString"}).Histogram
	assert.EqualValues(t, 1, h.Count, "the type is that of the last failure, and not *retry.Error")
}

func TestCallsInFlightAreShown(t *testing.T) {
	c := newCharge(observe.Config{})
	active := func() float64 {
		return series(t, c.stats, "ductile.call.active", labels{"pipeline.name": "charge"}).Value
	}
	_, _ = c.Do(t.Context(), func(context.Context) (int, error) {
		assert.InDelta(t, 1, active(), 0)
		_, _ = c.Do(t.Context(), func(context.Context) (int, error) {
			assert.InDelta(t, 2, active(), 0)
			return 0, nil
		})
		return 0, nil
	})
	assert.Zero(t, active())
	assert.Panics(t, func() { _, _ = c.Do(t.Context(), func(context.Context) (int, error) { panic("boom") }) })
	assert.Zero(t, active(), "a call that panics has ended")
	series(t, c.stats, "ductile.call.duration", labels{"pipeline.name": "charge", "outcome": "failure", "error.type": "panic"})
}

func TestCallsInFlightAreLeftOutWithoutStartedEvents(t *testing.T) {
	s := observe.New(observe.Config{})
	p := pipeline.New[int]().WithName("p").WithObserver(s.Observe, policy.Finished)
	_, _ = p.Do(t.Context(), func(context.Context) (int, error) { return 0, nil })
	assert.Empty(t, all(s.Snapshot(), "ductile.call.active"))
	assert.Len(t, all(s.Snapshot(), "ductile.call.duration"), 1)
}

func TestQueueWaitsAreMeasured(t *testing.T) {
	s := observe.New(observe.Config{})
	observed(s,
		policy.Event{Kind: policy.Waited, Pipeline: "p", Policy: "bulkhead", Name: "db", Delay: 250 * time.Millisecond},
		policy.Event{Kind: policy.Waited, Pipeline: "p", Policy: "ratelimit", Delay: time.Second},
	)
	assert.InDelta(t, 0.25, series(t, s, "ductile.queue.wait", labels{"policy.name": "db", "policy.type": "bulkhead"}).Histogram.Sum, 0)
	assert.InDelta(t, 1, series(t, s, "ductile.queue.wait", labels{"policy.name": "ratelimit", "policy.type": "ratelimit"}).Histogram.Sum, 0)
}

func TestAGateThatIsFullRejects(t *testing.T) {
	s := observe.New(observe.Config{})
	gate := bulkhead.NewGate(bulkhead.Config{Name: "db", Limit: 1})
	s.Watch(gate)
	p := pipeline.New[int](bulkhead.New[int](gate)).WithName("p").WithObserver(s.Observe)
	_, err := p.Do(t.Context(), func(ctx context.Context) (int, error) {
		used := series(t, s, "ductile.permits.used", labels{"policy.name": "db", "policy.type": "bulkhead"})
		assert.InDelta(t, 1, used.Value, 0)
		return p.Do(ctx, func(context.Context) (int, error) { return 0, nil })
	})
	require.ErrorIs(t, err, bulkhead.ErrFull)
	rejected := all(s.Snapshot(), "ductile.rejections")
	require.Len(t, rejected, 1)
	assert.Equal(t, "bulkhead", rejected[0].Labels["policy.type"])
	series(t, s, "ductile.call.duration", labels{"pipeline.name": "p", "outcome": "rejected", "error.type": "full"})
}

func TestASlowCallIsCountedAsSlow(t *testing.T) {
	s := observe.New(observe.Config{})
	observed(s, policy.Event{Kind: policy.Judged, Policy: "breaker", Name: "db", Outcome: policy.Success, Reason: "slow"},
		policy.Event{Kind: policy.Judged, Policy: "breaker", Outcome: policy.Ignored})
	assert.InDelta(t, 1, series(t, s, "ductile.circuit.calls", labels{"circuit.name": "db", "outcome": "success", "slow": "true"}).Value, 0)
	assert.InDelta(t, 1, series(t, s, "ductile.circuit.calls", labels{"circuit.name": "breaker", "outcome": "ignored", "slow": "false"}).Value, 0)
}

func TestAnAttemptOfAHedgeIsCountedAsOne(t *testing.T) {
	s := observe.New(observe.Config{})
	observed(s, policy.Event{Kind: policy.Attempted, Policy: "hedge", Attempt: 2, Took: time.Second})
	series(t, s, "ductile.attempt.duration", labels{"pipeline.name": "", "policy.name": "hedge", "attempt.type": "hedge", "outcome": "success"})
}

func TestOperationsAreALabelOnlyIfGiven(t *testing.T) {
	s := observe.New(observe.Config{})
	p := pipeline.New[int]().WithName("p").WithObserver(s.Observe)
	fn := func(context.Context) (int, error) { return 0, nil }
	_, _ = p.Do(t.Context(), fn)
	ctx := observe.WithOperation(t.Context(), "GET /users/{id}")
	_, _ = p.Do(ctx, fn)
	_, _ = p.Do(observe.WithOperation(ctx, ""), fn)
	plain := labels{"pipeline.name": "p", "outcome": "success", "rescue": "none"}
	assert.EqualValues(t, 2, series(t, s, "ductile.call.duration", plain).Histogram.Count)
	named := labels{"pipeline.name": "p", "outcome": "success", "rescue": "none", "operation": "GET /users/{id}"}
	assert.EqualValues(t, 1, series(t, s, "ductile.call.duration", named).Histogram.Count)
	assert.Equal(t, "GET /users/{id}", observe.Operation(ctx))
}

func TestSeriesOfAnInstrumentHaveOnlyItsLabels(t *testing.T) {
	c := newCharge(observe.Config{})
	c.stats.Watch(c.circuit, retry.NewBudget(retry.BudgetConfig{}), bulkhead.NewGate(bulkhead.Config{Limit: 1}))
	_ = c.does(t)
	_ = c.does(t, errDown, errDown, errDown)
	_ = c.does(t)
	of := map[string]observe.Instrument{}
	for _, i := range observe.Instruments() {
		of[i.Name] = i
		assert.Equal(t, strings.HasSuffix(i.Name, ".duration") || strings.HasSuffix(i.Name, ".delay") || strings.HasSuffix(i.Name, ".wait"), i.Unit == "s", i.Name)
	}
	for _, one := range c.stats.Snapshot().Series {
		i, known := of[one.Name]
		require.True(t, known, one.Name)
		for l := range one.Labels {
			assert.Contains(t, i.Labels, l, one.Name)
		}
		assert.Equal(t, i.Kind == observe.KindHistogram, one.Histogram != nil, one.Name)
	}
}

func TestInstrumentsReturnsACopy(t *testing.T) {
	observe.Instruments()[0].Labels[0] = "changed"
	assert.Equal(t, "pipeline.name", observe.Instruments()[0].Labels[0])
}
