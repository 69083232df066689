package observe_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

func circuitNamed(name string) *breaker.Circuit {
	return breaker.NewCircuit(breaker.Config{Name: name, FailureThreshold: 1})
}

func moves(s *observe.Stats, circuit, from, to string) float64 {
	one, _ := lookup(s.Snapshot(), "ductile.circuit.transitions", labels{"circuit.name": circuit, "from": from, "to": to})
	return one.Value
}

func TestAWatchedCircuitShowsItsState(t *testing.T) {
	s := observe.New(observe.Config{})
	c := circuitNamed("stripe")
	stop := s.Watch(c)
	state := func(of string) float64 {
		return series(t, s, "ductile.circuit.state", labels{"circuit.name": "stripe", "circuit.state": of}).Value
	}
	assert.Equal(t, []float64{1, 0, 0, 0}, []float64{state("closed"), state("open"), state("half-open"), state("isolated")})
	c.Isolate("maintenance")
	assert.Equal(t, []float64{0, 0, 0, 1}, []float64{state("closed"), state("open"), state("half-open"), state("isolated")})
	require.Len(t, s.Snapshot().Circuits, 1)
	assert.Equal(t, "maintenance", s.Snapshot().Circuits[0].Reason)
	assert.Equal(t, []*breaker.Circuit{c}, s.Circuits())
	stop()
	stop()
	assert.Empty(t, s.Snapshot().Circuits)
	assert.Empty(t, all(s.Snapshot(), "ductile.circuit.state"))
	assert.InDelta(t, 1, moves(s, "stripe", "closed", "isolated"), 0, "what was counted stays")
}

func TestEachMoveOfACircuitCountsOnce(t *testing.T) {
	s := observe.New(observe.Config{})
	watched, other := circuitNamed("watched"), circuitNamed("other")
	stop := s.Watch(watched)
	both := pipeline.New[int](breaker.New[int](watched)).WithObserver(s.Observe)
	alone := pipeline.New[int](breaker.New[int](other)).WithObserver(s.Observe)
	fail := func(context.Context) (int, error) { return 0, errDown }
	_, _ = both.Do(t.Context(), fail)
	_, _ = alone.Do(t.Context(), fail)
	assert.InDelta(t, 1, moves(s, "watched", "closed", "open"), 0)
	assert.InDelta(t, 1, moves(s, "other", "closed", "open"), 0)
	watched.Reset()
	assert.InDelta(t, 1, moves(s, "watched", "open", "closed"), 0, "a move by hand")
	require.NoError(t, watched.Reconfigure(breaker.Config{Name: "watched", FailureThreshold: 1, RecoveryTimeout: time.Hour}))
	assert.Zero(t, moves(s, "watched", "closed", "closed"), "Reconfigure is no move")
	stop()
	_, _ = both.Do(t.Context(), fail)
	assert.InDelta(t, 2, moves(s, "watched", "closed", "open"), 0, "a circuit that is no longer watched is counted by its events")
}

func TestASourceIsWatchedUntilEachStop(t *testing.T) {
	s := observe.New(observe.Config{})
	c := circuitNamed("stripe")
	first, second := s.Watch(c, c), s.Watch(c)
	first()
	first()
	require.Len(t, s.Snapshot().Circuits, 1)
	c.Isolate("test")
	assert.InDelta(t, 1, moves(s, "stripe", "closed", "isolated"), 0)
	second()
	assert.Empty(t, s.Snapshot().Circuits)
}

func TestGaugesOfGatesLimitersAndBudgets(t *testing.T) {
	clk := fake.NewClock()
	s := observe.New(observe.Config{})
	gate := bulkhead.NewGate(bulkhead.Config{Name: "db", Limit: 3, Clock: clk})
	limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, Clock: clk})
	budget := retry.NewBudget(retry.BudgetConfig{Name: "outbound", Ratio: 1, MinPerSecond: retry.NoMinimum, Clock: clk})
	stop := s.Watch(gate, limiter, budget)
	place, err := gate.Acquire(t.Context())
	require.NoError(t, err)
	defer place.Release()
	require.True(t, limiter.Allow(1))
	value := func(name string, l labels) float64 { return series(t, s, name, l).Value }
	assert.InDelta(t, 1, value("ductile.permits.used", labels{"policy.name": "db", "policy.type": "bulkhead"}), 0)
	assert.InDelta(t, 3, value("ductile.permits.limit", labels{"policy.name": "db", "policy.type": "bulkhead"}), 0)
	assert.InDelta(t, 0, value("ductile.queue.length", labels{"policy.name": "db", "policy.type": "bulkhead"}), 0)
	assert.InDelta(t, 1, value("ductile.permits.used", labels{"policy.name": "ratelimit", "policy.type": "ratelimit"}), 0)
	assert.InDelta(t, 5, value("ductile.permits.limit", labels{"policy.name": "ratelimit", "policy.type": "ratelimit"}), 0)
	remaining := func() float64 { return value("ductile.budget.remaining", labels{"policy.name": "outbound"}) }
	assert.InDelta(t, 1, remaining(), 0, "nothing is spent")
	for range 4 {
		budget.Call()
	}
	require.True(t, budget.Take())
	assert.InDelta(t, 0.75, remaining(), 0)
	for range 3 {
		budget.Take()
	}
	assert.Zero(t, remaining())
	stop()
	assert.Len(t, s.Snapshot().Series, 1, "series.dropped alone")
}

func TestGaugesOfAdaptiveLimitsAndThrottles(t *testing.T) {
	s := observe.New(observe.Config{})
	limiter := adaptive.NewLimiter(adaptive.Config{Name: "search", Initial: 5})
	shedding := throttle.NewThrottle(throttle.Config{Name: "quotes", MinCalls: 1})
	idle := throttle.NewThrottle(throttle.Config{Name: "quotes"})
	stop := s.Watch(limiter, shedding, idle)
	_, err := limiter.Acquire(t.Context())
	require.NoError(t, err)
	for range 4 {
		_, _ = throttle.Do(t.Context(), shedding, func(context.Context) (int, error) { return 0, errDown })
	}
	value := func(name string, l labels) float64 { return series(t, s, name, l).Value }
	assert.InDelta(t, 1, value("ductile.permits.used", labels{"policy.name": "search", "policy.type": "adaptive"}), 0)
	assert.InDelta(t, 5, value("ductile.permits.limit", labels{"policy.name": "search", "policy.type": "adaptive"}), 0)
	assert.InDelta(t, 0, value("ductile.queue.length", labels{"policy.name": "search", "policy.type": "adaptive"}), 0)
	rate := shedding.Snapshot().Rate
	assert.Positive(t, rate)
	assert.InDelta(t, rate, value("ductile.throttle.rate", labels{"policy.name": "quotes"}), 1e-9, "the highest of the name")
	stop()
	assert.Len(t, s.Snapshot().Series, 1, "series.dropped alone")

	limits := keyed.New(keyed.Config[string, *adaptive.Limiter]{Make: func(k string) *adaptive.Limiter {
		return adaptive.NewLimiter(adaptive.Config{Name: k})
	}})
	defer s.Watch(limits)()
	limits.Get("tenant")
	assert.InDelta(t, 20, value("ductile.permits.limit", labels{"policy.name": "tenant", "policy.type": "adaptive"}), 0)
}

func TestThingsOfOneNameShareTheirSeries(t *testing.T) {
	s := observe.New(observe.Config{})
	open, closed := circuitNamed("c"), circuitNamed("c")
	open.Isolate("test")
	spent := retry.NewBudget(retry.BudgetConfig{Clock: fake.NewClock()})
	for spent.Take() {
	}
	s.Watch(open, closed, bulkhead.NewGate(bulkhead.Config{Name: "g", Limit: 1}), bulkhead.NewGate(bulkhead.Config{Name: "g", Limit: 2}),
		retry.NewBudget(retry.BudgetConfig{}), spent)
	for state, want := range map[string]float64{"closed": 1, "isolated": 1, "open": 0} {
		assert.InDelta(t, want, series(t, s, "ductile.circuit.state", labels{"circuit.name": "c", "circuit.state": state}).Value, 0, state)
	}
	assert.InDelta(t, 3, series(t, s, "ductile.permits.limit", labels{"policy.name": "g", "policy.type": "bulkhead"}).Value, 0)
	assert.Zero(t, series(t, s, "ductile.budget.remaining", labels{"policy.name": "budget"}).Value)
	assert.Len(t, s.Snapshot().Circuits, 2)
}

func TestGaugesBeyondMaxSeriesOverflow(t *testing.T) {
	s := observe.New(observe.Config{MaxSeries: 1})
	for i := range 3 {
		s.Watch(bulkhead.NewGate(bulkhead.Config{Name: fmt.Sprint("g", i), Limit: 1 + i}))
		b := retry.NewBudget(retry.BudgetConfig{Name: fmt.Sprint("b", i), MinPerSecond: 1, Window: 10 * time.Second, Clock: fake.NewClock()})
		for range i {
			b.Take()
		}
		s.Watch(b)
	}
	assert.InDelta(t, 2+3, series(t, s, "ductile.permits.limit", overflow).Value, 0)
	assert.InDelta(t, 0.8, series(t, s, "ductile.budget.remaining", overflow).Value, 1e-9, "the lowest")
	assert.Zero(t, series(t, s, "ductile.series.dropped", labels{}).Value, "a snapshot counts nothing")
}

func TestMembersOfAMapComeAndGo(t *testing.T) {
	s := observe.New(observe.Config{})
	m := keyed.New(keyed.Config[string, *breaker.Circuit]{Make: circuitNamed})
	m.Get("a")
	stop := s.Watch(m)
	names := func() (names []string) {
		for _, c := range s.Snapshot().Circuits {
			names = append(names, c.Name)
		}
		return names
	}
	require.Equal(t, []string{"a"}, names())
	m.Get("c")
	m.Get("b")
	require.Equal(t, []string{"a", "b", "c"}, names(), "by name")
	m.Get("a").Isolate("test")
	observed(s, policy.Event{Kind: policy.StateChanged, Policy: "breaker", Name: "a", From: "closed", To: "isolated"},
		policy.Event{Kind: policy.Judged, Policy: "breaker", Name: "a", Outcome: policy.Success},
		policy.Event{Kind: policy.Rejected, Policy: "breaker", Name: "a", Reason: "isolated"},
		policy.Event{Kind: policy.Judged, Policy: "breaker", Name: "b", Outcome: policy.Success})
	require.InDelta(t, 1, moves(s, "a", "closed", "isolated"), 0)
	m.Forget("a")
	require.Equal(t, []string{"b", "c"}, names())
	assert.Empty(t, all(s.Snapshot(), "ductile.circuit.transitions"), "its series are gone")
	assert.Empty(t, all(s.Snapshot(), "ductile.rejections"))
	assert.Len(t, all(s.Snapshot(), "ductile.circuit.calls"), 1)
	stop()
	stop()
	m.Get("d")
	assert.Empty(t, names())
}

func TestSeriesStayWhileAnotherCircuitHasTheName(t *testing.T) {
	s := observe.New(observe.Config{})
	m := keyed.New(keyed.Config[string, *breaker.Circuit]{Make: func(string) *breaker.Circuit { return circuitNamed("hosts") }})
	s.Watch(m)
	m.Get("a").Isolate("test")
	m.Get("b").Isolate("test")
	m.Forget("a")
	assert.InDelta(t, 2, moves(s, "hosts", "closed", "isolated"), 0)
	m.Forget("b")
	assert.Zero(t, moves(s, "hosts", "closed", "isolated"))
}

func TestACircuitWithoutANameShowsItsKey(t *testing.T) {
	s := observe.New(observe.Config{})
	m := keyed.New(keyed.Config[int, *breaker.Circuit]{Make: func(int) *breaker.Circuit { return circuitNamed("") }})
	s.Watch(m)
	m.Get(7).Isolate("test")
	assert.Equal(t, "7", s.Snapshot().Circuits[0].Name)
	assert.InDelta(t, 1, moves(s, "breaker", "closed", "isolated"), 0)
}

func TestTheSeriesOfCircuitsWithoutANameGoWithTheLastOfThem(t *testing.T) {
	s := observe.New(observe.Config{})
	m := keyed.New(keyed.Config[int, *breaker.Circuit]{Make: func(int) *breaker.Circuit { return circuitNamed("") }})
	s.Watch(m)
	m.Get(7).Isolate("test")
	stop := s.Watch(circuitNamed("breaker"))
	m.Forget(7)
	assert.InDelta(t, 1, moves(s, "breaker", "closed", "isolated"), 0, "a circuit of that name shares the series")
	stop()
	m.Get(8).Isolate("test")
	m.Forget(8)
	assert.Len(t, s.Snapshot().Series, 1, "series.dropped alone")
}

func TestMapsOfGatesAndLimitersAreWatched(t *testing.T) {
	s := observe.New(observe.Config{})
	gates := keyed.New(keyed.Config[string, *bulkhead.Gate]{Make: func(k string) *bulkhead.Gate {
		return bulkhead.NewGate(bulkhead.Config{Name: k, Limit: 2})
	}})
	limiters := keyed.New(keyed.Config[string, *ratelimit.Limiter]{Make: func(k string) *ratelimit.Limiter {
		return ratelimit.NewLimiter(ratelimit.Config{Name: k, Limit: 2})
	}})
	s.Watch(gates, limiters)
	gates.Get("g")
	limiters.Get("l")
	assert.Len(t, all(s.Snapshot(), "ductile.permits.used"), 2)
	gates.Forget("g")
	assert.Len(t, all(s.Snapshot(), "ductile.permits.used"), 1)
}

func TestAWatchedPipelineShowsItsComposition(t *testing.T) {
	s := observe.New(observe.Config{})
	stop := s.Watch(
		pipeline.New[int](retry.New[int](retry.Config{}), breaker.New[int](circuitNamed("stripe"))).WithName("charge"),
		pipeline.New[string]().WithName("a"))
	got := s.Snapshot().Pipelines
	require.Len(t, got, 2)
	assert.Equal(t, "a", got[0].Name)
	assert.Equal(t, "charge", got[1].Name)
	assert.Equal(t, "retry(3) > breaker(stripe)", got[1].Composition)
	assert.Len(t, got[1].Description.Inner, 2)
	stop()
	assert.Empty(t, s.Snapshot().Pipelines)
}

type noIdler struct{}

func (noIdler) Idle() bool { return true }

func TestWatchPanicsForWhatItCannotWatch(t *testing.T) {
	s := observe.New(observe.Config{})
	for _, wrong := range []any{
		nil, 42, "stripe", observe.Config{}, breaker.Config{}, (*breaker.Circuit)(nil), new(breaker.Circuit), (*bulkhead.Gate)(nil), new(bulkhead.Gate),
		(*ratelimit.Limiter)(nil), new(ratelimit.Limiter), new(adaptive.Limiter), new(throttle.Throttle), (*retry.Budget)(nil), breaker.New[int](circuitNamed("x")),
		(*keyed.Map[string, *breaker.Circuit])(nil), retry.New[int](retry.Config{}),
		keyed.New(keyed.Config[string, noIdler]{Make: func(string) noIdler { return noIdler{} }}),
		keyed.New(keyed.Config[string, keyed.Idler]{Make: func(string) keyed.Idler { return noIdler{} }}),
	} {
		assert.Panics(t, func() { s.Watch(circuitNamed("first"), wrong) }, "%T", wrong)
	}
	assert.Empty(t, s.Snapshot().Circuits, "then it watches none")
	assert.PanicsWithError(t, "observe: a int cannot be watched, want a *breaker.Circuit, *bulkhead.Gate, *ratelimit.Limiter, "+
		"*adaptive.Limiter, *throttle.Throttle, a *keyed.Map of these, a *retry.Budget or a *pipeline.Pipeline", func() { s.Watch(42) })
}

func TestAListenerMayUseTheStats(t *testing.T) {
	s := observe.New(observe.Config{})
	var states []float64
	c := breaker.NewCircuit(breaker.Config{Name: "c", OnStateChange: func(breaker.Transition) {
		states = append(states, series(t, s, "ductile.circuit.state", labels{"circuit.name": "c", "circuit.state": "isolated"}).Value)
		s.Watch(circuitNamed("d"))()
	}})
	s.Watch(c)
	c.Isolate("test")
	assert.Equal(t, []float64{1}, states)
}

func TestWatchAndDropAtTheSameTime(t *testing.T) {
	s := observe.New(observe.Config{})
	m := keyed.New(keyed.Config[string, *breaker.Circuit]{Make: circuitNamed})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 200 {
				key := fmt.Sprint((i + j) % 5)
				m.Get(key).Isolate("test")
				m.Get(key).Reset()
				if j%3 == 0 {
					m.Forget(key)
				}
			}
		})
		wg.Go(func() {
			for range 50 {
				stop := s.Watch(m)
				s.Snapshot()
				stop()
			}
		})
	}
	wg.Wait()
	assert.Empty(t, s.Circuits(), "each Watch has ended")
	stop := s.Watch(m)
	assert.Len(t, s.Circuits(), m.Len())
	stop()
}
