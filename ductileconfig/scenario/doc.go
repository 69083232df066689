// Package scenario reads scenarios of package sim from files: an outage, and what it does
// to the clients of a configuration.
//
//	s, err := scenario.Load(ductileconfig.File("outage.yaml"), ductileconfig.File("ductile.yaml"))
//	if err != nil {
//		log.Fatal(err) // all faults, each with its file, line and column
//	}
//	report, err := sim.Run(ctx, s)
//
// A file of a scenario:
//
//	duration: 90s
//	services: {api: {workers: 10, queue: 10000, service_time: {dist: exponential, mean: 10ms}}}
//	clients:  {web: {replicas: 20, rate: 700/s, calls: api, pipeline: charge}}
//	faults:   [{at: 20s, for: 5s, service: api, slow: 10x}]
//	variants: {plain: {retry: {budget: null}, circuit: null}, as_configured: {}}
//	expect:   [{recovers_within: 5s}, {amplification: "<= 1.2"}, {p99: "<= 400ms", when: before}]
//
// The language is that of package ductileconfig. The file may hold sections of the
// configuration, too, which are merged over it.
package scenario
