package sim_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/sim"
)

func TestAServiceThatAbandonsItsQueueDoesLessInVain(t *testing.T) {
	wasted := map[bool]int64{}
	for _, abandon := range []bool{false, true} {
		s := steady(sim.Fault{At: 10 * seconds, For: 10 * seconds, Service: "api", Capacity: 0.05})
		s.Clients[0].Rate = 300
		s.Services[0].AbandonQueue, s.Services[0].ServiceTime = abandon, sim.Exponential(10*ms)
		x := run(t, s)
		during, _ := window(x)
		wasted[abandon] = during.Wasted
		if abandon {
			assert.Greater(t, during.Success(), 0.05, "some of the work is for callers that still wait")
			assert.Less(t, x.Services[0].Points[15].Queue, 100)
		} else {
			assert.Less(t, during.Success(), 0.01)
		}
	}
	assert.Less(t, wasted[true], wasted[false])
}

func TestAFullQueueRefuses(t *testing.T) {
	full := 0
	s := steady()
	s.Services[0].Workers, s.Services[0].Queue = 1, 2
	s.Clients = []sim.Client{{Burst: 5, Do: func(ctx context.Context) error {
		err := sim.Call(ctx, "api")
		if err != nil {
			assert.ErrorIs(t, err, sim.ErrFull)
			assert.NotErrorIs(t, err, policy.ErrRejected)
			full++
		}
		return err
	}}}
	x := run(t, s)
	assert.Equal(t, 2, full)
	assert.Equal(t, sim.ServicePoint{Requests: 5, Served: 3, Capacity: 1}, x.Services[0].Points[0])
}

func TestAServiceCallsOthersThroughItsPolicies(t *testing.T) {
	asked := map[string]int{}
	s := steady(sim.Fault{At: 10 * seconds, For: 10 * seconds, Service: "db", Errors: 0.5})
	s.Services[0].Calls, s.Services[0].Replicas = []string{"cache", "db"}, 2
	s.Services = append(s.Services, sim.Service{Name: "db", ServiceTime: sim.Constant(5 * ms)}, sim.Service{Name: "cache"})
	s.Variants = []sim.Variant{{Pipeline: func(ctx context.Context, client string, replica int) *pipeline.Pipeline[any] {
		asked[client]++
		assert.LessOrEqual(t, replica, 2)
		if client == "api" {
			return pipeline.New(retries(ctx, nil))
		}
		return nil
	}}}
	x := run(t, s)
	assert.Equal(t, map[string]int{"client": 1, "api": 2}, asked)
	assert.Equal(t, map[string]string{"api": "retry(3)"}, x.Pipelines)
	before, during := x.Before, x.Between(12*seconds, 19*seconds)
	assert.EqualValues(t, 1, before.Success())
	assert.EqualValues(t, 3*before.Calls, before.Requests)
	assert.InDelta(t, 15, before.P50.Milliseconds(), 2)
	assert.InDelta(t, 1-0.125, during.Success(), 0.05, "three attempts at the database")
	assert.InDelta(t, 2+1.75, during.Amplification(), 0.15)
}

func TestACrashOfAServiceThatCallsOthers(t *testing.T) {
	s := steady(sim.Fault{At: seconds, For: seconds, Service: "api", Down: true})
	s.Services[0].Calls, s.Services[0].Workers = []string{"db"}, 1
	s.Services = append(s.Services, sim.Service{Name: "db", ServiceTime: sim.Constant(4 * seconds)})
	s.Clients = []sim.Client{{Burst: 2, Do: func(ctx context.Context) error {
		err := sim.Call(ctx, "api")
		assert.ErrorIs(t, err, sim.ErrDown)
		assert.Equal(t, seconds, since(ctx))
		return err
	}}, {Name: "later", Rate: 1, Calls: "api"}}
	s.Variants = nil
	x := run(t, s)
	assert.Positive(t, x.Between(3*seconds, 20*seconds).Succeeded, "the worker is free again when its call has returned")
}

func TestAnErrorOfAServiceBehindNamesIt(t *testing.T) {
	s := steady(sim.Fault{At: 0, For: 30 * seconds, Service: "db", Down: true})
	s.Services[0].Calls = []string{"db"}
	s.Services = append(s.Services, sim.Service{Name: "db"})
	s.Clients = []sim.Client{{Burst: 1, Do: func(ctx context.Context) error {
		err := sim.Call(ctx, "api")
		assert.EqualError(t, err, "db: sim: the service is down")
		return err
	}}}
	run(t, s)
}

func TestAHandlerIsTheCodeOfAService(t *testing.T) {
	inside, most, gone := 0, 0, 0
	s := steady(
		sim.Fault{At: 10 * seconds, For: 5 * seconds, Service: "api", Errors: 0.5},
		sim.Fault{At: 20 * seconds, For: 5 * seconds, Service: "api", Down: true},
	)
	s.Services[0] = sim.Service{Name: "api", Workers: 2, Queue: 10, Handler: func(ctx context.Context) error {
		inside++
		most = max(most, inside)
		defer func() { inside-- }()
		if key, ok := sim.Key(ctx); ok && key == "1" {
			err := policy.Sleep(ctx, sim.Clock(ctx), seconds)
			assert.ErrorIs(t, err, context.DeadlineExceeded, "it has the context of its caller")
			gone++
			return err
		}
		return policy.Sleep(ctx, sim.Clock(ctx), 5*ms)
	}}
	s.Clients[0].Keys = 1000
	x := run(t, s)
	assert.Equal(t, 2, most)
	assert.Positive(t, gone)
	assert.Positive(t, x.Before.Wasted)
	assert.InDelta(t, 0.45, x.Between(11*seconds, 14*seconds).Success(), 0.12)
	assert.Zero(t, x.Between(21*seconds, 24*seconds).Succeeded)
	assert.Positive(t, x.Between(27*seconds, 29*seconds).Succeeded)
}

func TestAHandlersQueue(t *testing.T) {
	s := steady(sim.Fault{At: 2 * seconds, For: seconds, Service: "api", Down: true})
	s.Services[0] = sim.Service{Name: "api", Workers: 1, Queue: 2, Handler: func(ctx context.Context) error {
		return policy.Sleep(ctx, sim.Clock(ctx), 10*seconds)
	}}
	var errs []error
	s.Clients = []sim.Client{{Burst: 4, Do: func(ctx context.Context) error {
		limit := 20 * seconds
		if len(errs) == 0 { // the last of the burst is refused at once, before the others end
			limit = seconds
		}
		c, cancel := sim.Clock(ctx).WithTimeout(ctx, limit)
		defer cancel()
		errs = append(errs, sim.Call(c, "api"))
		return errs[len(errs)-1]
	}}}
	s.Variants = nil
	run(t, s)
	require.Len(t, errs, 4)
	assert.ErrorIs(t, errs[0], sim.ErrFull)
	assert.ErrorIs(t, errs[1], context.DeadlineExceeded)
}

func TestACallOfAnUnknownServiceSuggestsTheNearest(t *testing.T) {
	s := steady()
	s.Clients = []sim.Client{{Burst: 1, Do: func(ctx context.Context) error { return sim.Call(ctx, "apu") }}}
	_, err := sim.Run(t.Context(), s)
	assert.ErrorContains(t, err, `sim: Call: no service is named "apu"; did you mean api?`)
}
