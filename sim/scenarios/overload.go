package scenarios

import "github.com/ductile-go/ductile/sim"

// metastableOverload is 70 % utilization, and a tenth of the capacity for five seconds:
// the trigger of Bronson and others, "Metastable Failures in Distributed Systems".
func metastableOverload() sim.Scenario {
	const timeout = 200 * ms
	return sim.Scenario{
		Seed: 1, Duration: 90 * second, Warmup: 5 * second,
		Clients:  []sim.Client{{Name: "web", Replicas: 20, Rate: 700, Calls: "api"}},
		Services: []sim.Service{{Name: "api", Workers: 10, Queue: 10_000, ServiceTime: sim.Exponential(10 * ms)}},
		Faults:   []sim.Fault{{At: 20 * second, For: 5 * second, Service: "api", Slow: 10}},
		Variants: []sim.Variant{
			variant("plain", map[string]set{"web": {retry: thrice(), attemptTimeout: timeout}}),
			variant("budget", map[string]set{"web": {retry: thrice(), budget: tenth(), attemptTimeout: timeout}}),
			variant("as_configured", map[string]set{"web": {retry: thrice(), circuit: half("api"), attemptTimeout: timeout}}),
		},
		Expect: []sim.Expect{{Variant: "as_configured", RecoversWithin: 5 * second, Amplification: "<= 1.2"}},
	}
}

// retryStorm is a chain of three, in which each level retries for itself.
func retryStorm() sim.Scenario {
	return sim.Scenario{
		Seed: 2, Duration: 60 * second, Warmup: 5 * second,
		Clients: []sim.Client{{Name: "web", Replicas: 10, Rate: 200, Calls: "api"}},
		Services: []sim.Service{
			{Name: "api", Workers: 100, Queue: 1000, ServiceTime: sim.Exponential(5 * ms), Calls: []string{"db"}},
			{Name: "db", Workers: 8, Queue: 1000, ServiceTime: sim.Exponential(20 * ms)},
		},
		Faults: []sim.Fault{{At: 15 * second, For: 5 * second, Service: "db", Errors: 1}},
		Variants: []sim.Variant{
			variant("plain", map[string]set{
				"web": {retry: thrice(), attemptTimeout: second},
				"api": {retry: thrice(), attemptTimeout: 200 * ms},
			}),
			variant("as_configured", map[string]set{
				"web": {retry: thrice(), budget: tenth(), attemptTimeout: second},
				"api": {circuit: half("db"), attemptTimeout: 200 * ms},
			}),
		},
		Expect: []sim.Expect{{Variant: "as_configured", RecoversWithin: 5 * second, Amplification: "<= 2.2"}},
	}
}

// gcSpiral is a service whose garbage collector works harder the more requests it holds.
func gcSpiral() sim.Scenario {
	return sim.Scenario{
		Seed: 3, Duration: 90 * second, Warmup: 5 * second,
		Clients:  []sim.Client{{Name: "web", Replicas: 10, Rate: 500, Calls: "api"}},
		Services: []sim.Service{{Name: "api", Workers: 16, Queue: 5000, ServiceTime: sim.Exponential(15 * ms), Drag: 0.005}},
		Faults:   []sim.Fault{{At: 20 * second, For: 3 * second, Service: "api", Slow: 4}},
		Variants: []sim.Variant{
			variant("plain", map[string]set{"web": {attemptTimeout: second}}),
			variant("as_configured", map[string]set{"web": {circuit: half("api"), attemptTimeout: second}}),
		},
		Expect: []sim.Expect{{Variant: "as_configured", RecoversWithin: 5 * second}},
	}
}

// sinkhole is a replica that fails at once, so that it always has the fewest requests.
func sinkhole() sim.Scenario {
	return sim.Scenario{
		Seed: 4, Duration: 60 * second, Warmup: 5 * second,
		Clients:  []sim.Client{{Name: "web", Replicas: 10, Rate: 600, Calls: "api"}},
		Services: []sim.Service{{Name: "api", Replicas: 10, Balance: sim.LeastRequests, Workers: 10, Queue: 100, ServiceTime: sim.Exponential(50 * ms)}},
		Faults:   []sim.Fault{{At: 20 * second, For: 20 * second, Service: "api", Replica: 1, Down: true}},
		Variants: []sim.Variant{
			variant("plain", map[string]set{"web": {attemptTimeout: second}}),
			variant("as_configured", map[string]set{"web": {retry: thrice(), attemptTimeout: second}}),
		},
	}
}

// cacheStampede is a cache of slow results that is emptied: all ask for the same at once.
func cacheStampede() sim.Scenario {
	const timeout = second
	return sim.Scenario{
		Seed: 5, Duration: 90 * second, Warmup: 5 * second,
		Clients:  []sim.Client{{Name: "web", Replicas: 2, Rate: 1000, Calls: "prices", Keys: 200}},
		Services: []sim.Service{{Name: "prices", Workers: 12, Queue: 5000, ServiceTime: sim.Exponential(200 * ms), HitRatio: 0.99, HitTime: sim.Constant(ms)}},
		Faults:   []sim.Fault{{At: 20 * second, Service: "prices", Cold: true}},
		Variants: []sim.Variant{
			variant("plain", map[string]set{"web": {retry: thrice(), attemptTimeout: timeout}}),
			variant("budget", map[string]set{"web": {retry: thrice(), budget: tenth(), attemptTimeout: timeout}}),
			variant("as_configured", map[string]set{"web": {coalesce: true, retry: thrice(), budget: tenth(), attemptTimeout: timeout}}),
		},
		Expect: []sim.Expect{{Variant: "as_configured", RecoversWithin: 10 * second}},
	}
}
