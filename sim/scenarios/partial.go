package scenarios

import (
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/sim"
)

// oneBadReplica is a grey failure: a tenth of the service is fifty times slower.
func oneBadReplica() sim.Scenario {
	return sim.Scenario{
		Seed: 6, Duration: 60 * second, Warmup: 5 * second,
		Clients:  []sim.Client{{Name: "web", Replicas: 10, Rate: 400, Calls: "api"}},
		Services: []sim.Service{{Name: "api", Replicas: 10, Workers: 100, Queue: 1000, ServiceTime: sim.Lognormal(10*ms, 40*ms)}},
		Faults:   []sim.Fault{{At: 20 * second, For: 20 * second, Service: "api", Replica: 1, Slow: 50}},
		Variants: []sim.Variant{
			variant("plain", map[string]set{"web": {attemptTimeout: 2 * second}}),
			variant("as_configured", map[string]set{"web": {hedge: &hedge.Config{Delay: 50 * ms, MaxExtra: 2}, budget: &retry.BudgetConfig{Ratio: 0.2, MinPerSecond: 1}, attemptTimeout: 2 * second}}),
		},
		Expect: []sim.Expect{
			{Variant: "as_configured", When: "during", P99: "<= 150ms"},
			{Variant: "as_configured", Amplification: "<= 1.15"},
		},
	}
}

// thunderingHerd is a service that refuses for a while and says when to come back.
func thunderingHerd() sim.Scenario {
	herd := func(jitter float64) *retry.Config {
		return &retry.Config{MaxAttempts: 3, BaseDelay: 100 * ms, JitterFactor: jitter}
	}
	return sim.Scenario{
		Seed: 7, Duration: 90 * second, Warmup: 5 * second,
		Clients:  []sim.Client{{Name: "web", Replicas: 50, Rate: 420, Calls: "api"}},
		Services: []sim.Service{{Name: "api", Workers: 10, Queue: 100, ServiceTime: sim.Exponential(20 * ms), RetryAfter: 10 * second}},
		Faults:   []sim.Fault{{At: 20 * second, For: 2 * second, Service: "api", Down: true}},
		Variants: []sim.Variant{
			variant("plain", map[string]set{"web": {retry: herd(retry.NoJitter)}}),
			variant("as_configured", map[string]set{"web": {retry: herd(1)}}),
		},
	}
}

// cascadingTimeouts is a service whose workers wait for a database longer than their callers do.
func cascadingTimeouts() sim.Scenario {
	return sim.Scenario{
		Seed: 8, Duration: 60 * second, Warmup: 5 * second,
		Clients: []sim.Client{{Name: "web", Replicas: 10, Rate: 300, Calls: "api"}},
		Services: []sim.Service{
			{Name: "api", Workers: 40, Queue: 500, ServiceTime: sim.Exponential(10 * ms), Calls: []string{"db"}},
			{Name: "db", Workers: 25, Queue: 500, ServiceTime: sim.Exponential(50 * ms)},
		},
		Faults: []sim.Fault{{At: 15 * second, For: 10 * second, Service: "db", Slow: 20}},
		Variants: []sim.Variant{
			variant("plain", map[string]set{
				"web": {retry: thrice(), attemptTimeout: second},
				"api": {attemptTimeout: 10 * second},
			}),
			variant("as_configured", map[string]set{
				"web": {retry: thrice(), budget: tenth(), attemptTimeout: second},
				"api": {circuit: half("db"), attemptTimeout: 500 * ms},
			}),
		},
		Expect: []sim.Expect{{Variant: "as_configured", RecoversWithin: 5 * second}},
	}
}
