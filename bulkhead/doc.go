// Package bulkhead limits how many calls run at a time, so that one slow dependency, or
// one burst of requests, cannot use up all goroutines, connections or memory.
//
// A [Gate] has a fixed number of places. It has no type parameter, so calls of any result
// type can share it. A [Bulkhead] is a policy that takes a place for each call.
//
//	var reports = bulkhead.NewGate(bulkhead.Config{
//		Name:     "reports",
//		Limit:    10,                     // this many at a time
//		MaxQueue: 20,                     // these wait for a place
//		MaxWait:  200 * time.Millisecond, // for so long
//	})
//
//	report, err := bulkhead.Do(ctx, reports, render)
//	if errors.Is(err, bulkhead.ErrFull) {
//		// render did not run
//	}
//
// Without MaxQueue no call waits. With it, [Config] sets the [Order] in which waiting
// calls are served, how long they may wait ([Config].MaxWait, [CoDel]), and their
// priority: calls of a higher priority (see [policy.WithPriority]) are served first, and
// displace calls of a lower one from a full queue.
//
// A released place goes directly to the first waiting call; a newcomer cannot take it
// first. [Gate.SetLimit] changes the limit while calls run.
//
// To hold a place without a policy, use [Gate.Acquire] or [Gate.TryAcquire], and
// [Place.Release]. For a value that outlives its call, such as a body or a stream,
// [Bulkhead.WithKeep] holds the place until the value is closed. For one gate per key,
// such as a tenant or a host, see package keyed.
//
// In a pipeline, put a gate inside any retry and inside any timeout that abandons its
// function: the place should be held until the function returns, not until its caller
// stops waiting.
//
// Taking a free place is one compare-and-swap. When two cores collide on it, a large gate
// spreads its places over several cells, so that they seldom collide again.
package bulkhead
