// Package adaptive limits how many calls run at a time, and finds the limit by itself.
//
// A [Limiter] is a gate that moves: it has places and a queue, like a gate of package
// bulkhead, and changes the number of places by what it measures. It has no type
// parameter, so calls of any result type can share it. An [Adaptive] is a policy that
// takes a place for each call.
//
//	var search = adaptive.NewLimiter(adaptive.Config{
//		Name:     "search",
//		MaxQueue: 50,                    // these wait for a place
//		MaxWait:  20 * time.Millisecond, // for so long
//	})
//
//	hits, err := adaptive.Do(ctx, search, query)
//	if errors.Is(err, adaptive.ErrLimited) {
//		// query did not run
//	}
//
// There are two ways to find the limit, for two situations:
//
//   - Climb, if [Config].Target is 0, is for a server, or for any limiter that all load of
//     a dependency passes through. It tries a little more and a little less in turn, and
//     moves to where throughput is high and latency low. It needs no target.
//   - AIMD, if Target is set, is for a client that shares a server with other clients. It
//     adds 1 while latency is below the target, and takes away a tenth when it is not. So
//     the clients share the server evenly. Ten clients that climb would ruin it: each one
//     gains throughput at the cost of the others.
//
// The limit moves at the end of a window of time and of calls. A window in which the limit
// held no call back does not raise it, and does not move a limiter that climbs at all. So an
// idle night leaves the limit as it is. With Target, latencies over it lower the limit in
// any window. There is no baseline of a latency without load: limiters that measure one
// drift upwards under steady overload, because they measure it under load.
//
// Put a limiter where a bulkhead would be: inside any retry, inside a breaker, and inside
// any timeout that abandons its function. On a server it is outermost.
package adaptive
