package sim

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// Scenario is what [Run] simulates. Duration and at least one client are required. Run does
// not change a Scenario.
//
// At most 500,000 calls may be in flight at once in a variant. Users of a closed loop count,
// and so do functions that run beside a call, such as the attempts of a hedge and the requests
// of a service that Calls others.
type Scenario struct {
	Seed     uint64        // of all random numbers: runs of a Scenario with the same Seed are the same
	Duration time.Duration // of the run, in virtual time; at most 24 hours
	Warmup   time.Duration // at the beginning, not counted as "before"; 0 means none
	Clients  []Client
	Services []Service
	Faults   []Fault
	Variants []Variant // run side by side, each with the same arrivals; none means one without policies, "plain"
	Expect   []Expect
}

// Client is a kind of caller. It makes calls by Rate, Closed or Burst, or by several of them.
type Client struct {
	Name     string  // "" means "client", or "client 2" for the second of Clients
	Replicas int     // each has policies of its own; 0 means 1
	Rate     float64 // calls per second of all replicas together, a Poisson process; 0 means none
	// Closed is the number of users in a closed loop, of all replicas together. Each user
	// calls, waits for the end, pauses for Think, and calls again. After a call that took no
	// time, the pause is at least 1 ms.
	Closed int
	Think  Dist
	Burst  int    // calls of each replica at time 0
	Calls  string // the service
	// Do is one attempt of a call, instead of Calls. It waits through Clock, calls services
	// through Call, and must not start goroutines that do. In a scenario without Services
	// each run of Do counts as a request.
	Do func(ctx context.Context) error
	// Priority is that of the calls, unless Classes says otherwise.
	Priority policy.Priority
	// Classes are shares of the calls with priorities of their own. The shares add up to at
	// most 1; the other calls have no class, and Priority.
	Classes []Class
	// Keys is how many keys the calls have, for caches, coalescing and families. Each call
	// has one of "1", "2" and so on, by Zipf's law: key "2" is half as frequent as key "1", and
	// "3" a third. 0 means no key. See [Key].
	Keys int
}

// Class is a share of a client's calls.
type Class struct {
	Name     string
	Share    float64 // of the calls, more than 0 and at most 1
	Priority policy.Priority
}

// Variant is a set of policies.
type Variant struct {
	Name string
	// Pipeline returns the pipeline of one replica of a client, or of a service that Calls
	// others. It is called once for each, at time 0, and must not wait. All policies need
	// Clock(ctx) as their clock, and should draw random numbers from Rand(ctx): otherwise two
	// runs differ. Nil, and a nil pipeline, mean no policies. Variants run at the same time, so
	// pipelines of two of them must not share a circuit, a budget or another state.
	Pipeline func(ctx context.Context, client string, replica int) *pipeline.Pipeline[any]
}

// Expect is a set of conditions for a run. Conditions that are zero are not checked.
//
// A text is an operator, one of <=, <, >= and >, and a number. Success is a share, as
// ">= 0.99" or ">= 99%". Amplification is a factor, as "<= 1.2" or "<= 1.2x". P50 and P99
// are durations, as "<= 400ms".
type Expect struct {
	Variant        string        // "" means each
	When           string        // "before", "during" or "after" the faults; "" means the whole run, without Warmup
	RecoversWithin time.Duration // after the end of the last fault; see [Result]
	Success        string        // of the calls
	Amplification  string        // requests per call
	P50, P99       string        // time of a call
}
