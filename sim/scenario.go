// Package sim rehearses outages in virtual time: clients, services and faults around the
// policies that run in production.
package sim

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// Scenario is what is simulated. Duration, and at least one client, are required.
type Scenario struct {
	Seed     uint64        // of all random numbers; runs with the same Seed are the same
	Duration time.Duration // of the run, in virtual time
	Warmup   time.Duration // at the beginning, not counted as "before"; 0 means none
	Clients  []Client
	Services []Service
	Faults   []Fault
	Variants []Variant // run side by side, each with the same arrivals; none means one without policies
	Expect   []Expect
}

// Client is a kind of caller.
type Client struct {
	Name     string
	Replicas int     // each has policies of its own; 0 means 1
	Rate     float64 // calls per second of all replicas together, a Poisson process; 0 means none
	// Closed makes a closed loop instead of a Rate: so many users, each of which calls, waits
	// for the end, pauses for Think, and calls again.
	Closed int
	Think  Dist
	Burst  int    // calls of each replica at time 0
	Calls  string // the service
	// Do is one attempt of a call. It replaces Calls. It waits through Clock and calls
	// services through Call.
	Do func(ctx context.Context) error
	// Priority is that of the calls, unless Classes says otherwise.
	Priority policy.Priority
	// Classes are shares of the calls with priorities of their own.
	Classes []Class
	// Keys is how many keys the calls have, for caches, coalescing and families; each
	// call has one of them, chosen by Zipf's law. 0 means no key.
	Keys int
}

// Class is a share of a client's calls.
type Class struct {
	Name     string
	Share    float64 // of the calls, 0 to 1
	Priority policy.Priority
}

// Service is a dependency: workers behind a queue, in one or more replicas.
type Service struct {
	Name        string
	Replicas    int    // behind a load balancer; 0 means 1
	Balance     string // "round_robin", "random" or "least_requests"; "" means round_robin
	Workers     int    // of each replica; 0 means no limit
	Queue       int    // requests that may wait, of each replica; more are refused
	ServiceTime Dist   // 0 if not set
	// AbandonQueue drops a queued request whose caller has gone. Without it, a worker does
	// the work for nobody, as most servers do.
	AbandonQueue bool
	// Calls are services that each request calls, one after another, before its own work.
	Calls []string
	// HitRatio is the share of the requests that a cache of the service answers, in HitTime,
	// without a worker and without Calls. A Cold fault empties the cache; it then fills
	// with each request that is served.
	HitRatio float64
	HitTime  Dist
	Handler  func(ctx context.Context) error // replaces all of the above; waits through Clock
}

// Fault is something that goes wrong from At until At+For. Of the kinds, one or more may be
// set.
type Fault struct {
	At, For time.Duration
	Service string
	Replica int // 0 means all replicas, n the n-th

	Down      bool    // requests fail at once
	Slow      float64 // times the service time
	Errors    float64 // the share of requests that fails after their service time, 0 to 1
	Hang      bool    // requests get no answer
	Capacity  float64 // the share of the workers that is left, 0 to 1; see CapacityZero
	Partition bool    // requests do not arrive and get no answer
	Cold      bool    // the service's cache is empty at At
}

// Variant is a set of policies.
type Variant struct {
	Name string
	// Pipeline returns the pipeline of one replica of a client, or of a service that Calls
	// another. It is called once for each. Policies wait on Clock(ctx), and draw from
	// Rand(ctx). Nil, and a nil pipeline, mean no policies.
	Pipeline func(ctx context.Context, client string, replica int) *pipeline.Pipeline[any]
}

// Expect is a condition that a run must meet. Conditions that are empty are not checked.
type Expect struct {
	Variant        string        // "" means each
	When           string        // "before", "during" or "after" the faults; "" means the whole run, without Warmup
	RecoversWithin time.Duration // after the end of the last fault
	Success        string        // of the calls, such as ">= 99%"
	Amplification  string        // requests per call, such as "<= 1.2"
	P50, P99       string        // time of a call, such as "<= 400ms"
}
