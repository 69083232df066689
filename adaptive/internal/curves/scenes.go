package main

import (
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/adaptive/internal/sim"
)

// scene is a scenario and the limiters that meet it.
type scene struct {
	name, title string
	phases      []sim.Phase
	limiters    []contender
	clients     int
}

// contender is a limiter under its name.
type contender struct {
	name string
	make func() sim.Limiter
}

const (
	service  = 100 * time.Millisecond
	capacity = 100 // calls a second of ten workers
)

var (
	climb = contender{"Climb", func() sim.Limiter { return sim.New(adaptive.Config{}) }}
	aimd  = contender{"AIMD", func() sim.Limiter { return sim.New(adaptive.Config{Target: 4 * service}) }}
	all   = []contender{
		climb, aimd,
		{"Gradient2", func() sim.Limiter { return sim.Gradient2(20) }},
		{"Vegas", func() sim.Limiter { return sim.Vegas(20) }},
	}
	small = []contender{
		{"Climb", func() sim.Limiter { return sim.New(adaptive.Config{Initial: 5}) }},
		{"AIMD", func() sim.Limiter {
			return sim.New(adaptive.Config{Initial: 5, Target: 4 * service, MinCalls: 20})
		}},
		{"Gradient2", func() sim.Limiter { return sim.Gradient2(5) }},
		{"Vegas", func() sim.Limiter { return sim.Vegas(5) }},
	}
)

func server(workers int, service time.Duration) sim.Server {
	return sim.Server{Workers: workers, Classes: []sim.Class{{Share: 1, Service: service, Sigma: 0.3}}}
}

var scenes = []scene{
	{
		name: "steady", title: "Steady overload, three times what ten workers can do", limiters: all, clients: 1,
		phases: []sim.Phase{{Until: 5 * time.Minute, Server: server(10, service), Rate: 3 * capacity}},
	},
	{
		name: "capacity", title: "Ten workers, four from 100 s on, twenty from 200 s on", limiters: all, clients: 1,
		phases: []sim.Phase{
			{Until: 100 * time.Second, Server: server(10, service), Rate: 3 * capacity},
			{Until: 200 * time.Second, Server: server(4, service), Rate: 3 * capacity},
			{Until: 300 * time.Second, Server: server(20, service), Rate: 6 * capacity},
		},
	},
	{
		name: "slower", title: "Calls take three times as long from 100 s to 200 s", limiters: all, clients: 1,
		phases: []sim.Phase{
			{Until: 100 * time.Second, Server: server(10, service), Rate: 3 * capacity},
			{Until: 200 * time.Second, Server: server(10, 3*service), Rate: 3 * capacity},
			{Until: 300 * time.Second, Server: server(10, service), Rate: 3 * capacity},
		},
	},
	{
		name: "clients", title: "Ten clients, each with a limiter, share ten workers", limiters: small, clients: 10,
		phases: []sim.Phase{{Until: 5 * time.Minute, Server: server(10, service), Rate: 3 * capacity}},
	},
}

// every is the interval between two points of a curve.
const every = 5 * time.Second

// rows runs a contender.
func (s scene) rows(c contender) []sim.Row {
	clients := make([]sim.Limiter, s.clients)
	for i := range clients {
		clients[i] = c.make()
	}
	return sim.Run(1, every, s.phases, clients...)
}
