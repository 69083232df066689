package ductileotel_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductileotel"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

func states(t *testing.T, m meter, circuit string) map[string]float64 {
	t.Helper()
	all := map[string]float64{}
	for _, p := range m.points(t, "ductile.circuit.state") {
		if p.attrs["ductile.circuit.name"] == circuit {
			all[p.attrs["ductile.circuit.state"]] = p.value
		}
	}
	return all
}

func TestOneStateOfACircuitIsOneAndTheOthersAreZero(t *testing.T) {
	clock := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{Name: "stripe", RecoveryTimeout: time.Minute, Clock: clock})
	m := metered(t, ductileotel.WithCircuits(c))
	assert.Equal(t, map[string]float64{"closed": 1, "open": 0, "half-open": 0, "isolated": 0}, states(t, m, "stripe"))
	c.Trip(time.Minute, "maintenance")
	assert.Equal(t, map[string]float64{"closed": 0, "open": 1, "half-open": 0, "isolated": 0}, states(t, m, "stripe"))
	clock.Advance(time.Minute)
	assert.Equal(t, map[string]float64{"closed": 0, "open": 0, "half-open": 1, "isolated": 0}, states(t, m, "stripe"))
	c.Isolate("broken")
	assert.Equal(t, map[string]float64{"closed": 0, "open": 0, "half-open": 0, "isolated": 1}, states(t, m, "stripe"))
}

func transitions(t *testing.T, m meter) map[string]float64 {
	t.Helper()
	all := map[string]float64{}
	for _, p := range m.points(t, "ductile.circuit.transitions") {
		all[p.attrs["ductile.circuit.name"]+": "+p.attrs["ductile.from"]+" to "+p.attrs["ductile.to"]] += p.value
	}
	return all
}

func TestMovesOfAWatchedCircuitCountOnceAlsoThoseByHand(t *testing.T) {
	watched := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 1})
	other := breaker.NewCircuit(breaker.Config{Name: "mail", FailureThreshold: 1})
	m := metered(t, ductileotel.WithCircuits(watched))
	for _, c := range []*breaker.Circuit{watched, other} {
		p := pipeline.New(breaker.New[int](c)).WithName("p").WithObserver(m.observe)
		_, err := p.Do(t.Context(), fake.NewFunc[int]().Fail(errDown).Do)
		require.ErrorIs(t, err, errDown)
		c.Reset()
	}
	assert.Equal(t, map[string]float64{
		"stripe: closed to open": 1, "stripe: open to closed": 1,
		"mail: closed to open": 1, // not watched, so Reset is not seen
	}, transitions(t, m))
}

func TestReconfiguringIsNoMove(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	m := metered(t, ductileotel.WithCircuits(c))
	require.NoError(t, c.Reconfigure(breaker.Config{Name: "stripe", FailureThreshold: 9}))
	assert.Empty(t, transitions(t, m))
}

func TestGatesAndBudgetsAreRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := bulkhead.NewGate(bulkhead.Config{Name: "db", Limit: 2, MaxQueue: 4})
		budget := retry.NewBudget(retry.BudgetConfig{Name: "shared", MinPerSecond: 1, Window: 10 * time.Second})
		m := metered(t, ductileotel.WithSources(gate, budget))
		p := pipeline.New(bulkhead.New[int](gate))
		release := make(chan struct{})
		for range 3 {
			go func() {
				_, _ = p.Do(t.Context(), func(context.Context) (int, error) { <-release; return 0, nil })
			}()
		}
		synctest.Wait()
		budget.Take()
		gates := attrs{"ductile.policy.name": "db", "ductile.policy.type": "bulkhead"}
		assert.InDelta(t, 2, m.point(t, "ductile.permits.used", gates).value, 0)
		assert.InDelta(t, 2, m.point(t, "ductile.permits.limit", gates).value, 0)
		assert.InDelta(t, 1, m.point(t, "ductile.queue.length", gates).value, 0)
		assert.InDelta(t, 0.9, m.point(t, "ductile.budget.remaining", attrs{"ductile.policy.name": "shared"}).value, 1e-9)
		close(release)
		synctest.Wait()
		assert.InDelta(t, 0, m.point(t, "ductile.permits.used", gates).value, 0)
	})
}

func TestAThrottlesRateIsRead(t *testing.T) {
	quotes := throttle.NewThrottle(throttle.Config{Name: "quotes", MinCalls: 1, Clock: fake.NewClock()})
	m := metered(t, ductileotel.WithSources(quotes))
	for range 4 {
		_, _ = throttle.Do(t.Context(), quotes, func(context.Context) (int, error) { return 0, errDown })
	}
	rate := m.point(t, "ductile.throttle.rate", attrs{"ductile.policy.name": "quotes"}).value
	assert.Positive(t, rate)
	assert.InDelta(t, quotes.Snapshot().Rate, rate, 1e-9)
}

func TestMembersOfAMapAreWatchedWhenTheyJoin(t *testing.T) {
	hosts := keyed.New(keyed.Config[string, *breaker.Circuit]{Make: func(host string) *breaker.Circuit {
		return breaker.NewCircuit(breaker.Config{Name: host})
	}})
	m := metered(t, ductileotel.WithSources(hosts))
	hosts.Get("a.example").Isolate("broken")
	assert.InDelta(t, 1, states(t, m, "a.example")["isolated"], 0)
	assert.Equal(t, map[string]float64{"a.example: closed to isolated": 1}, transitions(t, m))
}

func TestASourceThatCannotBeWatchedIsAnError(t *testing.T) {
	for _, opt := range []ductileotel.Option{
		ductileotel.WithCircuits(nil), ductileotel.WithSources(policy.Success), ductileotel.WithSources(nil),
	} {
		o, err := ductileotel.NewObserver(opt)
		assert.Nil(t, o)
		assert.ErrorContains(t, err, "ductileotel: NewObserver: a source is wrong: observe: ")
	}
}
