package questions

import (
	"fmt"

	"github.com/ductile-go/ductile/sim"
)

// At returns a function for [Survives]: it returns s with the rates of all clients changed
// such that the workers of a service are busy for the given share of the time, without
// faults and retries. It fails if the utilization of the service does not depend on rates.
func At(s sim.Scenario, service string) (func(utilization float64) (sim.Scenario, error), error) {
	now, err := Utilization(s, service)
	if err != nil {
		return nil, err
	}
	return func(utilization float64) (sim.Scenario, error) {
		out := s
		out.Clients = append([]sim.Client(nil), s.Clients...)
		for i := range out.Clients {
			out.Clients[i].Rate *= utilization / now
		}
		return out, nil
	}, nil
}

// Utilization returns the share of the time for which the workers of a service are busy,
// without faults and retries: the rate of its requests times the mean service time, over the
// workers. Services that it Calls are taken to answer at once. It fails if the service has no
// limit of workers, no service time, or no requests from clients with a Rate.
func Utilization(s sim.Scenario, service string) (float64, error) {
	var of *sim.Service
	for i := range s.Services {
		if s.Services[i].Name == service {
			of = &s.Services[i]
		}
	}
	switch {
	case of == nil:
		return 0, fmt.Errorf("questions: the scenario has no service %q", service)
	case of.Workers <= 0 || of.ServiceTime.Mean() <= 0:
		return 0, fmt.Errorf("questions: service %q has no limit of workers or no service time, so it has no utilization", service)
	case of.HitRatio >= 1:
		return 0, fmt.Errorf("questions: the cache of service %q answers every request, so it has no utilization", service)
	}
	rate := 0.0
	for _, c := range s.Clients {
		rate += c.Rate * requests(s, c.Calls, service, len(s.Services))
	}
	if !(rate > 0) {
		return 0, fmt.Errorf("questions: no client with a Rate calls service %q", service)
	}
	busy := rate * (1 - of.HitRatio) * of.ServiceTime.Mean().Seconds()
	return busy / float64(of.Workers*max(of.Replicas, 1)), nil
}

// requests returns how many requests to service one request to from makes. depth ends cycles,
// which [sim.Run] refuses.
func requests(s sim.Scenario, from, service string, depth int) float64 {
	if from == service {
		return 1
	}
	if depth == 0 {
		return 0
	}
	n := 0.0
	for _, v := range s.Services {
		if v.Name != from {
			continue
		}
		for _, next := range v.Calls {
			n += (1 - v.HitRatio) * requests(s, next, service, depth-1)
		}
	}
	return n
}
