package sim_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/sim"
)

// maker makes random scenarios that are valid.
type maker struct{ *rand.Rand }

func (m maker) chance(p float64) bool { return m.Float64() < p }

func (m maker) time(most time.Duration) time.Duration { return time.Duration(m.Int64N(int64(most))) }

func (m maker) dist() sim.Dist {
	switch m.IntN(5) {
	case 0:
		return sim.Exponential(m.time(50 * ms))
	case 1:
		d := 1 + m.time(20*ms)
		return sim.Lognormal(d, d+m.time(seconds))
	case 2:
		return sim.FromTable(sim.Quantile{Share: 0.5, Time: m.time(10 * ms)}, sim.Quantile{Share: 0.9, Time: 10*ms + m.time(90*ms)})
	case 3:
		return sim.Dist{}
	}
	return sim.Constant(m.time(30 * ms))
}

func (m maker) service(name string, behind []string) sim.Service {
	s := sim.Service{Name: name, Replicas: m.IntN(4), Balance: []string{"", sim.Random, sim.LeastRequests}[m.IntN(3)], AbandonQueue: m.chance(0.5)}
	if m.chance(0.7) {
		s.Workers, s.Queue = 1+m.IntN(10), m.IntN(50)
	}
	if m.chance(0.2) {
		s.Handler = func(ctx context.Context) error {
			if err := policy.Sleep(ctx, sim.Clock(ctx), time.Duration(sim.Rand(ctx)()*float64(10*ms))); err != nil {
				return err
			}
			if len(behind) > 0 {
				return sim.Call(ctx, behind[0])
			}
			return nil
		}
		return s
	}
	s.ServiceTime = m.dist()
	if m.chance(0.5) {
		s.Calls = behind
	}
	if m.chance(0.3) {
		s.HitRatio, s.HitTime, s.Entries = m.Float64(), m.dist(), m.IntN(100)
	}
	return s
}

func (m maker) fault(s *sim.Scenario) sim.Fault {
	service := s.Services[m.IntN(len(s.Services))]
	f := sim.Fault{At: m.time(s.Duration), For: 1 + m.time(s.Duration), Service: service.Name, Replica: m.IntN(max(service.Replicas, 1) + 1)}
	f.Down, f.Hang, f.Partition = m.chance(0.3), m.chance(0.2), m.chance(0.2)
	if m.chance(0.4) {
		f.Errors = m.Float64()
	}
	if m.chance(0.5) && service.Workers > 0 {
		f.Capacity = 0.01 + m.Float64()*0.9
	}
	if m.chance(0.5) && service.ServiceTime.String() != "0" {
		f.Slow = 0.1 + m.Float64()*30
	}
	f.Cold = service.HitRatio > 0 && m.chance(0.5)
	if f == (sim.Fault{At: f.At, For: f.For, Service: f.Service, Replica: f.Replica}) {
		f.Down = true
	}
	return f
}

func (m maker) client(name string, services []sim.Service) sim.Client {
	c := sim.Client{Name: name, Replicas: m.IntN(4), Calls: services[m.IntN(len(services))].Name, Priority: policy.Priority(m.IntN(5) - 2)}
	if m.chance(0.7) {
		c.Rate = 1 + m.Float64()*200
	}
	if m.chance(0.3) {
		c.Closed, c.Think = 1+m.IntN(10), m.dist()
	}
	if m.chance(0.3) || c.Rate == 0 && c.Closed == 0 {
		c.Burst = 1 + m.IntN(20)
	}
	if m.chance(0.5) {
		c.Keys = 1 + m.IntN(100)
	}
	if m.chance(0.3) {
		c.Classes = []sim.Class{{Name: "a", Share: 0.3, Priority: policy.High}, {Name: "b", Share: 0.6, Priority: policy.Sheddable}}
	}
	return c
}

func (m maker) scenario() sim.Scenario {
	s := sim.Scenario{Seed: m.Uint64(), Duration: 100*ms + m.time(4*seconds)}
	s.Warmup = m.time(s.Duration) / 4
	var behind []string
	for i := range 1 + m.IntN(3) {
		name := string(rune('a' + i))
		s.Services = append(s.Services, m.service(name, behind))
		behind = append(behind, name)
	}
	for i := range 1 + m.IntN(2) {
		s.Clients = append(s.Clients, m.client(string(rune('x'+i)), s.Services))
	}
	for range m.IntN(4) {
		s.Faults = append(s.Faults, m.fault(&s))
	}
	names := []string{"cache", "coalesce", "fallback", "throttle", "ratelimit", "hedge", "retry", "keyed", "breaker", "adaptive", "bulkhead", "abandon", "timeout", "chaos"}
	for i := range m.IntN(3) {
		m.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		var chosen []func(context.Context) policy.Policy[any]
		for _, n := range names[:m.IntN(6)] {
			chosen = append(chosen, parts[n])
		}
		s.Variants = append(s.Variants, variantOf(string(rune('A'+i)), chosen...))
	}
	return s
}

// check checks what must hold in every report.
func check(t *testing.T, r *sim.Report) {
	t.Helper()
	for _, x := range r.Results {
		assert.NotEmpty(t, x.Verdict)
		var queued, busy int
		for i, p := range x.Points {
			assert.Equal(t, time.Duration(i)*seconds, p.At)
			assert.LessOrEqual(t, p.Succeeded, p.Calls)
			assert.LessOrEqual(t, p.Wasted, p.Served)
			assert.LessOrEqual(t, p.P50, p.P99)
			var requests, served int64
			var queue int
			for k, line := range x.Services {
				service, at := r.Scenario.Services[k], line.Points[i]
				requests, served, queue = requests+at.Requests, served+at.Served, queue+at.Queue
				assert.LessOrEqual(t, at.Queue, service.Queue*service.Replicas)
				if service.Workers > 0 {
					assert.LessOrEqual(t, at.Busy, service.Workers*service.Replicas)
				}
				assert.LessOrEqual(t, at.Hits, at.Requests)
				queued, busy = queue, at.Busy
			}
			assert.Equal(t, p.Requests, requests)
			assert.Equal(t, p.Served, served)
			assert.Equal(t, p.Queue, queue)
		}
		all := x.Between(0, r.Scenario.Duration)
		assert.LessOrEqual(t, all.Served, all.Requests)
		assert.GreaterOrEqual(t, queued, 0)
		assert.GreaterOrEqual(t, busy, 0)
	}
}

func FuzzScenario(f *testing.F) {
	for seed := range 20 / min(slower, 4) {
		f.Add(uint64(seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		s := maker{rand.New(rand.NewPCG(seed, 1))}.scenario()
		require.NoError(t, s.Validate())
		r, err := sim.Run(t.Context(), s)
		require.NoError(t, err)
		check(t, r)
		again, err := sim.Run(t.Context(), s)
		require.NoError(t, err)
		assert.Equal(t, text(t, r), text(t, again), "two runs of one seed")
	})
}
