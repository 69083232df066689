package sim_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/sim"
)

// steady is a service that answers in 10 ms, called 100 times a second with a limit of 200 ms.
func steady(faults ...sim.Fault) sim.Scenario {
	return sim.Scenario{
		Seed: 2, Duration: 30 * seconds,
		Clients:  []sim.Client{{Rate: 100, Calls: "api"}},
		Services: []sim.Service{{Name: "api", Workers: 10, Queue: 1000, ServiceTime: sim.Constant(10 * ms)}},
		Faults:   faults, Variants: []sim.Variant{timeoutAlone},
	}
}

func run(t *testing.T, s sim.Scenario) *sim.Result {
	t.Helper()
	r, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	return r.Results[0]
}

// window is the whole seconds in the middle of a fault from 10 to 20 s, and after it.
func window(x *sim.Result) (during, after sim.Totals) {
	return x.Between(12*seconds, 19*seconds), x.Between(25*seconds, 29*seconds)
}

func TestFaults(t *testing.T) {
	at, length := 10*seconds, 10*seconds
	for _, f := range []struct {
		what            string
		fault           sim.Fault
		success         float64 // during
		requests, waste bool    // reach the service; served in vain
	}{
		{"down", sim.Fault{Down: true}, 0, true, false},
		{"slow below the limit", sim.Fault{Slow: 5}, 1, true, false},
		{"slow above the limit", sim.Fault{Slow: 30}, 0, true, true},
		{"errors", sim.Fault{Errors: 0.3}, 0.7, true, false},
		{"all errors", sim.Fault{Errors: 1}, 0, true, false},
		{"hang", sim.Fault{Hang: true}, 0, true, false},
		{"enough capacity", sim.Fault{Capacity: 0.2}, 1, true, false},
		{"too little capacity", sim.Fault{Capacity: 0.05}, 0, true, true},
		{"partition", sim.Fault{Partition: true}, 0, false, false},
	} {
		t.Run(f.what, func(t *testing.T) {
			f.fault.At, f.fault.For, f.fault.Service = at, length, "api"
			s := steady(f.fault)
			if f.what == "too little capacity" {
				s.Clients[0].Rate = 500 // one worker does 100
			}
			x := run(t, s)
			during, after := window(x)
			assert.InDelta(t, f.success, during.Success(), 0.11)
			assert.Equal(t, f.requests, during.Requests > 0)
			assert.Equal(t, f.waste, during.Wasted > 0, "wasted %d of %d", during.Wasted, during.Served)
			assert.EqualValues(t, 1, after.Success())
			assert.Zero(t, after.Wasted)
			if f.success == 1 {
				assert.Zero(t, x.Recovery)
			}
			assert.GreaterOrEqual(t, x.Recovery, time.Duration(0))
		})
	}
}

func TestACrashFailsTheRequestsInAService(t *testing.T) {
	var ends []time.Duration
	s := steady(sim.Fault{At: 5 * seconds, For: seconds, Service: "api", Down: true})
	s.Services[0].Workers, s.Services[0].ServiceTime = 2, sim.Constant(100*seconds)
	s.Clients = []sim.Client{{Burst: 5, Do: func(ctx context.Context) error {
		err := sim.Call(ctx, "api")
		ends = append(ends, since(ctx))
		assert.ErrorIs(t, err, sim.ErrDown)
		return err
	}}}
	s.Variants = nil
	x := run(t, s)
	assert.Equal(t, []time.Duration{5 * seconds, 5 * seconds, 5 * seconds, 5 * seconds, 5 * seconds}, ends)
	p := x.Services[0].Points
	assert.Equal(t, sim.ServicePoint{Requests: 5, Queue: 3, Busy: 2, Capacity: 2}, p[0])
	assert.Equal(t, sim.ServicePoint{}, p[5], "nothing is left in it")
	assert.Equal(t, sim.ServicePoint{Capacity: 2}, p[6])
}

func TestACrashFailsTheRequestsOfHandlersWhenTheyReturn(t *testing.T) {
	var began, ends []time.Duration
	s := steady(sim.Fault{At: 5 * seconds, For: seconds, Service: "api", Down: true})
	s.Variants = nil
	s.Services[0] = sim.Service{Name: "api", Workers: 2, Queue: 1, Handler: func(ctx context.Context) error {
		began = append(began, since(ctx))
		return policy.Sleep(ctx, sim.Clock(ctx), 8*seconds)
	}}
	s.Clients = []sim.Client{
		{Burst: 3, Do: func(ctx context.Context) error {
			err := sim.Call(ctx, "api")
			ends = append(ends, since(ctx))
			assert.ErrorIs(t, err, sim.ErrDown)
			return err
		}},
		{Burst: 1, Do: func(ctx context.Context) error {
			assert.NoError(t, policy.Sleep(ctx, sim.Clock(ctx), 9*seconds))
			assert.NoError(t, sim.Call(ctx, "api"))
			assert.Equal(t, 17*seconds, since(ctx))
			return nil
		}},
	}
	x := run(t, s)
	assert.Equal(t, []time.Duration{0, 0, 9 * seconds}, began)
	assert.Equal(t, []time.Duration{5 * seconds, 8 * seconds, 8 * seconds}, ends, "the first is the one that waited")
	assert.EqualValues(t, 1, x.Between(0, 30*seconds).Served, "that of the second client")
	p := x.Services[0].Points
	assert.Equal(t, sim.ServicePoint{Requests: 3, Queue: 1, Busy: 2, Capacity: 2}, p[0])
	assert.Equal(t, sim.ServicePoint{Busy: 2, Capacity: 2}, p[6], "code is not stopped")
	assert.Equal(t, sim.ServicePoint{Capacity: 2}, p[8])
}

func TestACallerThatLeftBeforeACrashHasItsOwnError(t *testing.T) {
	s := steady(sim.Fault{At: 100 * ms, For: seconds, Service: "api", Down: true})
	s.Services[0] = sim.Service{Name: "api", Handler: func(ctx context.Context) error { return policy.Sleep(ctx, sim.Clock(ctx), seconds) }}
	s.Variants = nil
	s.Clients = []sim.Client{{Burst: 1, Do: func(ctx context.Context) error {
		c, cancel := sim.Clock(ctx).(interface {
			WithTimeout(context.Context, time.Duration) (context.Context, context.CancelFunc)
		}).WithTimeout(ctx, 200*ms)
		defer cancel()
		err := sim.Call(c, "api")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotErrorIs(t, err, sim.ErrDown)
		return err
	}}}
	assert.EqualValues(t, 1, run(t, s).Between(0, seconds).Calls)
}

func TestAPartitionKeepsNoWorkerThatIsDone(t *testing.T) {
	s := steady(sim.Fault{At: 5 * ms, For: 50 * ms, Service: "api", Partition: true})
	s.Services[0] = sim.Service{Name: "api", Workers: 1, Handler: func(ctx context.Context) error { return policy.Sleep(ctx, sim.Clock(ctx), 10*ms) }}
	s.Clients = []sim.Client{
		{Burst: 1, Calls: "api"},
		{Burst: 1, Do: func(ctx context.Context) error {
			assert.NoError(t, policy.Sleep(ctx, sim.Clock(ctx), 100*ms))
			assert.NoError(t, sim.Call(ctx, "api"), "the first waits for its answer for 200 ms")
			return nil
		}},
	}
	run(t, s)
}

func since(ctx context.Context) time.Duration {
	return sim.Clock(ctx).Now().Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
}

func TestCapacityRoundsUp(t *testing.T) {
	for _, c := range []struct {
		workers int
		share   float64
		left    int
	}{{10, 0.7, 7}, {10, 0.1, 1}, {10, 0.11, 2}, {3, 0.01, 1}, {1, 1, 1}} {
		s := steady(sim.Fault{At: seconds, For: seconds, Service: "api", Capacity: c.share})
		s.Duration, s.Services[0].Workers = 2*seconds, c.workers
		assert.Equal(t, c.left, run(t, s).Services[0].Points[1].Capacity, "%d x %v", c.workers, c.share)
	}
}

func TestFaultsAddUp(t *testing.T) {
	s := steady(
		sim.Fault{At: 10 * seconds, For: 10 * seconds, Service: "api", Errors: 0.5},
		sim.Fault{At: 10 * seconds, For: 10 * seconds, Service: "api", Errors: 0.5, Capacity: 0.5},
		sim.Fault{At: 10 * seconds, For: 10 * seconds, Service: "api", Slow: 2, Capacity: 0.5},
		sim.Fault{At: 11 * seconds, For: 20 * seconds, Service: "api", Slow: 3},
	)
	s.Clients[0].Rate = 30
	x := run(t, s)
	during, after := window(x)
	assert.InDelta(t, 0.25, during.Success(), 0.08)
	assert.InDelta(t, 60, during.P50.Milliseconds(), 6)
	assert.Equal(t, 3, x.Services[0].Points[15].Capacity)
	assert.InDelta(t, 30, after.P50.Milliseconds(), 3)
	assert.Equal(t, 10, x.Services[0].Points[25].Capacity)
	assert.Equal(t, time.Duration(-1), x.Recovery, "a fault lasts to the end")
}

func TestAnAnswerDoesNotComeBackThroughAPartition(t *testing.T) {
	s := steady(sim.Fault{At: 5 * ms, For: 50 * ms, Service: "api", Partition: true})
	s.Clients = []sim.Client{{Burst: 1, Calls: "api"}}
	x := run(t, s)
	assert.Equal(t, sim.Totals{Calls: 1, Requests: 1, Served: 1, Wasted: 1, Mean: 200 * ms, P50: 200 * ms, P99: 200 * ms}, x.Between(0, seconds))
	s.Services[0] = sim.Service{Name: "api", Handler: func(ctx context.Context) error { return policy.Sleep(ctx, sim.Clock(ctx), 10*ms) }}
	got := run(t, s).Between(0, seconds)
	assert.EqualValues(t, 1, got.Wasted)
	assert.Zero(t, got.Succeeded)
}

// A load balancer that counts requests sends most of them to the replica that fails fastest.
func TestABadReplica(t *testing.T) {
	lost := map[string]float64{}
	for _, balance := range []string{"", sim.RoundRobin, sim.Random, sim.LeastRequests} {
		s := steady(sim.Fault{At: 10 * seconds, For: 10 * seconds, Service: "api", Replica: 2, Down: true})
		s.Clients[0].Rate, s.Duration = 200, 30*seconds
		s.Services[0].Replicas, s.Services[0].Balance = 4, balance
		s.Services[0].Workers = 2
		x := run(t, s)
		during, after := window(x)
		lost[balance] = 1 - during.Success()
		assert.EqualValues(t, 1, after.Success(), balance)
		assert.Equal(t, 6, x.Services[0].Points[15].Capacity)
	}
	assert.InDelta(t, 0.25, lost[sim.RoundRobin], 0.01)
	assert.Equal(t, lost[sim.RoundRobin], lost[""])
	assert.InDelta(t, 0.25, lost[sim.Random], 0.03)
	assert.Greater(t, lost[sim.LeastRequests], 0.35, "the sinkhole")
}

func TestAHungReplicaIsAvoidedByTheFewestRequests(t *testing.T) {
	s := steady(sim.Fault{At: 10 * seconds, For: 10 * seconds, Service: "api", Replica: 1, Hang: true})
	s.Services[0].Replicas, s.Services[0].Balance = 2, sim.LeastRequests
	x := run(t, s)
	during, _ := window(x)
	assert.Greater(t, during.Success(), 0.8)
}

func TestAColdCacheFills(t *testing.T) {
	for _, keys := range []int{0, 200} {
		s := steady(sim.Fault{At: 10 * seconds, For: 2 * seconds, Service: "api", Cold: true})
		s.Clients[0].Keys = keys
		s.Services[0].HitRatio, s.Services[0].HitTime, s.Services[0].Entries = 0.9, sim.Constant(ms), 100
		x := run(t, s)
		p := x.Services[0].Points
		share := func(i int) float64 { return float64(p[i].Hits) / float64(p[i].Requests) }
		assert.InDelta(t, 0.9, share(5), 0.1)
		assert.Zero(t, p[10].Hits, "it is empty")
		assert.Zero(t, p[11].Hits, "and is not filled during the fault")
		assert.Less(t, share(12), 0.75)
		assert.InDelta(t, 0.85, share(28), 0.15)
		assert.LessOrEqual(t, x.Between(0, 9*seconds).P50, 2*ms)
	}
}

func TestACacheMayBeEmptiedInAnInstant(t *testing.T) {
	s := steady(sim.Fault{At: 10 * seconds, Service: "api", Cold: true})
	s.Services[0].HitRatio, s.Services[0].Entries = 1, 50
	x := run(t, s)
	assert.Equal(t, x.Services[0].Points[5].Requests, x.Services[0].Points[5].Hits)
	assert.Less(t, x.Services[0].Points[10].Hits, x.Services[0].Points[10].Requests)
	assert.Equal(t, x.Services[0].Points[20].Requests, x.Services[0].Points[20].Hits)
}
