package sim

import (
	"context"
	"math"
	"time"
)

// How a service's load balancer picks the replica for a request.
const (
	RoundRobin    = "round_robin"    // one after another
	Random        = "random"         // each with the same chance
	LeastRequests = "least_requests" // the one with the fewest requests in it
)

// Service is a dependency: workers behind a queue, in one or more replicas. Requests are
// served in the order of their arrival.
type Service struct {
	Name        string
	Replicas    int    // behind a load balancer that knows nothing of their health; 0 means 1
	Balance     string // "" means RoundRobin
	Workers     int    // of each replica; 0 means no limit
	Queue       int    // requests that may wait, of each replica; more are refused with ErrFull
	ServiceTime Dist   // of a worker; the zero Dist is 0
	// Drag lengthens the service time by this share for each request that the replica has in
	// its queue or with a worker when the work begins: garbage collection, locks, paging.
	// 0.01 means twice the time at 100 requests. 0 means none.
	Drag float64
	// RetryAfter is the hint to wait that ErrDown and ErrFull carry, as a 503 with
	// Retry-After does. 0 means no hint.
	RetryAfter time.Duration
	// AbandonQueue drops a queued request when its caller has gone. Without it, a worker
	// serves the request although its caller has gone, as most servers do.
	AbandonQueue bool
	// Calls are services that each request calls, one after another, before its own work. A
	// worker is busy meanwhile. The calls go through the variant's pipeline for this service.
	// The first that fails, fails the request.
	Calls []string
	// HitRatio is the share of the requests that a cache in front of the service answers, in
	// HitTime, without a worker and without Calls. A Cold fault empties the cache.
	HitRatio float64
	HitTime  Dist
	// Entries is how many requests fill an empty cache, if they have no keys: after a Cold
	// fault the share of hits grows with each request that is served, until it is HitRatio
	// again. With keys, a key is a miss until a request for it has been served. 0 means 1000.
	Entries int
	// Handler is the service's code, instead of ServiceTime, Calls and a cache. It runs with
	// the caller's context, within Workers and Queue. It waits through Clock. A Down fault does
	// not stop it, but then its request fails with ErrDown when it returns.
	Handler func(ctx context.Context) error
}

// Fault is something that goes wrong from At until At+For. One kind or more must be set.
// Where several faults meet, they add up: Slow and Capacity multiply.
type Fault struct {
	At, For time.Duration
	Service string
	Replica int // 0 means all replicas, n the n-th

	Down      bool    // requests fail at once with ErrDown, those in the service too
	Slow      float64 // times the service time; 0 means not set
	Errors    float64 // the share of the requests that fail with ErrFault after their work; 0 means not set
	Hang      bool    // requests that arrive get no answer, and no worker
	Capacity  float64 // the share of the workers that is left, rounded up; 0 means not set: Down leaves none
	Partition bool    // requests do not arrive, and answers do not come back
	Cold      bool    // the service's cache is emptied at At, and is not filled before At+For; For may be 0
}

// end is when the fault ends. A For that is longer than the time after At lasts for ever.
func (f *Fault) end() time.Duration {
	if f.For > math.MaxInt64-f.At {
		return math.MaxInt64
	}
	return f.At + max(f.For, 0)
}
