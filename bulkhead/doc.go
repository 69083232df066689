// Package bulkhead bounds how many calls run at a time, so that one slow dependency, or
// one burst of requests, cannot take every goroutine, connection or byte of memory.
//
// A [Gate] has places. It has no type parameter: calls of any result type share it. A
// [Bulkhead] is the policy that takes a place for each call.
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
// Without MaxQueue no call waits. With it, [Config] says in which [Order] the calls in
// the queue are served, how long they may wait ([Config].MaxWait, [CoDel]), and which
// calls come first: higher priorities (see [policy.WithPriority]) are served before lower
// ones, and displace them from a full queue.
//
// A place is handed over: while calls wait, one that is given back goes to the first of
// them, and no newcomer can take it before. [Gate.SetLimit] moves the limit while calls
// run.
//
// By hand, a place is taken by [Gate.Acquire] or [Gate.TryAcquire] and given back by
// [Place.Release]. For a value that outlives its call, such as a body or a stream,
// [Bulkhead.WithKeep] holds the place until the value is closed. One gate for each key,
// such as a tenant or a host, is a map of package keyed.
//
// In a pipeline a gate belongs inside of a timeout that abandons its function, and inside
// of a retry: a place should be held until the function has returned, not until its
// caller has stopped waiting.
//
// Taking a free place is one compare-and-swap. Two cores that collide over it spread the
// places of a large gate over cells, so that they seldom meet again.
package bulkhead
