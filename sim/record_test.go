package sim_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/sim"
)

func TestACallInFlightAtTheEndIsNoFailure(t *testing.T) {
	s := fit()
	s.Services[0].ServiceTime = sim.Constant(50 * ms)
	s.Services[0].Workers = 0
	x := run(t, s)
	all := x.Between(0, 20*seconds)
	assert.Less(t, all.Succeeded, all.Calls)
	assert.EqualValues(t, 1, all.Success())

	s.Services[0].ServiceTime = sim.Constant(2 * seconds) // those of the last two seconds are in flight
	x = run(t, s)
	assert.Less(t, x.Between(18*seconds, 20*seconds).Success(), 0.1, "those of the last but one second waited long")
	assert.Zero(t, sim.Totals{Calls: 1}.Success())
	assert.EqualValues(t, 1, sim.Totals{}.Success())
	assert.Zero(t, sim.Totals{}.Amplification())
}

func TestBetweenIsInWholeSeconds(t *testing.T) {
	x := run(t, fit())
	var calls int64
	for _, p := range x.Points[3:7] {
		calls += p.Calls
	}
	assert.Equal(t, calls, x.Between(3*seconds, 7*seconds).Calls)
	assert.Equal(t, calls, x.Between(3*seconds+500*ms, 6*seconds+1).Calls)
	assert.Zero(t, x.Between(-seconds, 0).Calls)
	assert.Zero(t, x.Between(time.Minute, time.Hour).Calls)
	assert.Zero(t, x.Between(7*seconds, 3*seconds).Calls)
	assert.Equal(t, x.Before, x.Between(0, time.Hour))
	assert.Equal(t, x.Before, x.Between(0, math.MaxInt64), "more seconds than an int of 32 bits holds")
	assert.Zero(t, x.Between(1<<32*seconds, math.MaxInt64).Calls)
}

func TestADurationNeedNotBeWholeSeconds(t *testing.T) {
	s := steady(sim.Fault{At: 1500 * ms, For: 250 * ms, Service: "api", Down: true})
	s.Duration, s.Warmup = 3700*ms, 300*ms
	x := run(t, s)
	assert.Len(t, x.Points, 4)
	assert.Equal(t, x.Between(1*seconds, 1*seconds), x.Before, "no whole second is before the fault and after the warm-up")
	assert.Equal(t, x.Between(1*seconds, 2*seconds), x.During)
	assert.Equal(t, x.Between(2*seconds, 4*seconds), x.After)
	assert.Zero(t, x.Recovery.Milliseconds()/100)
}

func TestClosedLoops(t *testing.T) {
	s := steady()
	s.Clients = []sim.Client{{Replicas: 2, Closed: 4, Think: sim.Constant(90 * ms), Calls: "api"}}
	x := run(t, s)
	assert.EqualValues(t, 4*10*30, x.Before.Calls)

	s.Clients[0].Think = sim.Dist{}
	s.Faults = []sim.Fault{{At: 10 * seconds, For: seconds, Service: "api", Down: true}}
	s.Duration = 12 * seconds
	x = run(t, s)
	assert.InDelta(t, 4*1000, x.Points[10].Calls, 4*10, "a call that takes no time is followed by a pause of 1 ms")
	assert.EqualValues(t, 4*100, x.Points[5].Calls)
}

func TestClassesAndKeys(t *testing.T) {
	s := steady()
	counts, priorities, keys := map[int]int{}, map[policy.Priority]int{}, 0
	s.Clients = []sim.Client{{
		Rate: 500, Keys: 100, Priority: policy.Low,
		Classes: []sim.Class{{"pay", 0.25, policy.Critical}, {"browse", 0.5, policy.Normal}},
		Do: func(ctx context.Context) error {
			priorities[policy.PriorityOf(ctx)]++
			key, ok := sim.Key(ctx)
			assert.True(t, ok)
			var n int
			_, err := fmt.Sscan(key, &n)
			assert.NoError(t, err)
			counts[n]++
			keys++
			return sim.Call(ctx, "api")
		},
	}}
	r, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	total := float64(keys)
	assert.InDelta(t, 0.25, float64(priorities[policy.Critical])/total, 0.02)
	assert.InDelta(t, 0.5, float64(priorities[policy.Normal])/total, 0.02)
	assert.InDelta(t, 0.25, float64(priorities[policy.Low])/total, 0.02)
	assert.Len(t, counts, 100)
	assert.InEpsilon(t, 2, float64(counts[1])/float64(counts[2]), 0.15, "Zipf's law")
	assert.InEpsilon(t, 10, float64(counts[1])/float64(counts[10]), 0.25)
	x := r.Results[0]
	require.Len(t, x.Classes, 2)
	assert.Equal(t, "pay", x.Classes[0].Name)
	assert.Equal(t, "client", x.Classes[0].Client)
	assert.Equal(t, policy.Critical, x.Classes[0].Priority)
	sum := int64(0)
	for i, p := range x.Classes[0].Points {
		assert.LessOrEqual(t, p.Succeeded, p.Calls)
		assert.LessOrEqual(t, p.Calls, x.Points[i].Calls)
		sum += p.Calls
	}
	assert.EqualValues(t, priorities[policy.Critical], sum)
}

func TestAnAttemptCountsAsARequestWithoutServices(t *testing.T) {
	n := 0
	r, err := sim.Run(t.Context(), sim.Scenario{
		Duration: seconds, Variants: []sim.Variant{retry3},
		Clients: []sim.Client{{Burst: 1, Do: func(context.Context) error {
			if n++; n < 3 {
				return errors.New("not yet")
			}
			return nil
		}}},
	})
	require.NoError(t, err)
	all := r.Results[0].Between(0, seconds)
	assert.EqualValues(t, 3, all.Amplification())
	assert.EqualValues(t, 1, all.Success())
	assert.EqualValues(t, 1, all.Served)
}

func TestCircuitsAreRecorded(t *testing.T) {
	s := steady(sim.Fault{At: 10 * seconds, For: 5 * seconds, Service: "api", Down: true})
	s.Clients[0].Replicas = 2
	var shared *breaker.Circuit
	s.Variants = []sim.Variant{{Name: "own", Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
		c := breaker.NewCircuit(breaker.Config{Name: "api", FailureThreshold: 5, RecoveryTimeout: 2 * seconds, Clock: sim.Clock(ctx)})
		return pipeline.New[any](pipeline.New(attempt(ctx)), pipeline.New[any](breaker.New[any](c)))
	}}, {Name: "shared", Pipeline: func(ctx context.Context, _ string, replica int) *pipeline.Pipeline[any] {
		if replica == 1 {
			shared = breaker.NewCircuit(breaker.Config{Clock: sim.Clock(ctx)})
			shared.Isolate("by hand")
		}
		return pipeline.New[any](breaker.New[any](shared))
	}}}
	r, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	own := r.Result("own").Circuits
	require.Len(t, own, 2)
	for i, l := range own {
		assert.Equal(t, "api", l.Name)
		assert.Equal(t, "client", l.Client)
		assert.Equal(t, i+1, l.Replica)
		require.NotEmpty(t, l.Spans)
		assert.Equal(t, breaker.Open, l.Spans[0].State)
		assert.InDelta(t, 10, l.Spans[0].From.Seconds(), 0.5)
		assert.InDelta(t, 12, l.Spans[0].To.Seconds(), 0.6)
		assert.InDelta(t, 16, l.Spans[len(l.Spans)-1].To.Seconds(), 1.1)
	}
	assert.Equal(t, []sim.CircuitLine{{Client: "client", Replica: 1, Spans: []sim.Span{{To: 30 * seconds, State: breaker.Isolated}}}}, r.Result("shared").Circuits)
	assert.Nil(t, r.Result("none"))
}

func TestCircuitsOfAKeyedMapAreRecordedByWatch(t *testing.T) {
	s := steady(sim.Fault{At: 10 * seconds, For: 5 * seconds, Service: "api", Down: true})
	s.Clients[0].Keys = 2
	s.Variants = []sim.Variant{{Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
		clock := sim.Clock(ctx)
		m := keyed.New(keyed.Config[string, *breaker.Circuit]{Clock: clock, Make: func(key string) *breaker.Circuit {
			c := breaker.NewCircuit(breaker.Config{Name: key, FailureThreshold: 5, Clock: clock})
			sim.Watch(ctx, c, c)
			return c
		}})
		assert.Panics(t, func() { sim.Watch(ctx, nil) })
		return pipeline.New(keyed.Policy(m, sim.Key, func(c *breaker.Circuit) policy.Policy[any] { return breaker.New[any](c) }))
	}}}
	lines := run(t, s).Circuits
	require.Len(t, lines, 2)
	for _, l := range lines {
		require.NotEmpty(t, l.Spans)
		assert.InDelta(t, 10, l.Spans[0].From.Seconds(), 0.5)
	}
}

func TestTheContextsOfARunHaveItsValues(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, 42), time.Hour)
	defer cancel()
	_, err := sim.Run(ctx, sim.Scenario{Duration: seconds, Clients: []sim.Client{{Burst: 1, Do: func(ctx context.Context) error {
		assert.Equal(t, 42, ctx.Value(key{}))
		_, ok := ctx.Deadline()
		assert.False(t, ok, "a deadline of real time means nothing here")
		assert.NoError(t, context.Cause(ctx))
		assert.Less(t, sim.Rand(ctx)(), 1.0)
		return nil
	}}}})
	require.NoError(t, err)
}

// The memory of a run is bounded by the calls in flight, not by the calls made.
func TestMemoryDoesNotGrowWithTheCalls(t *testing.T) {
	heapAfter := func(calls int) uint64 {
		var at uint64
		n := 0
		s := fit(retry3)
		s.Duration = time.Duration(calls) * ms
		s.Clients[0].Rate, s.Services[0].Workers = 1000, 20
		s.Clients[0].Calls, s.Clients[0].Do = "", func(ctx context.Context) error {
			if n++; n == calls*9/10 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				at = m.HeapAlloc
			}
			return sim.Call(ctx, "api")
		}
		_, err := sim.Run(t.Context(), s)
		require.NoError(t, err)
		require.Positive(t, at)
		return at
	}
	few, many := heapAfter(20_000/slower), heapAfter(200_000/slower)
	perSecond := uint64(200_000/slower/1000) * 3000 // what is recorded of each second
	assert.Less(t, many, few+few/5+perSecond, "bytes on the heap")
	t.Logf("%d kB after %d calls, %d kB after %d", few/1024, 20_000/slower, many/1024, 200_000/slower)
}
