// Package keyed keeps one value for each key, within bounds. Use it for a circuit for
// each host, a limiter for each tenant, or a gate for each route:
//
//	circuits := keyed.New(keyed.Config[string, *breaker.Circuit]{
//		Make: func(host string) *breaker.Circuit {
//			return breaker.NewCircuit(breaker.Config{Name: host, FailureThreshold: 1})
//		},
//	})
//	guard := keyed.Policy(circuits, hostOf, func(c *breaker.Circuit) policy.Policy[int] {
//		return breaker.New[int](c)
//	})
//	calls := pipeline.New[int](guard)
//	_, err := calls.Do(withHost(ctx, "a.example"), send)
//
// hostOf returns the host that withHost has put into the context.
//
// A [Map] creates the value of a key at its first use, and drops values to stay within
// its bounds. It drops only values whose Idle method returns true: nothing is lost with
// those. If Max is reached and no value is idle, new keys share one overflow value. So a
// client that invents keys can neither exhaust memory nor reset a circuit that is open.
//
// [Policy] uses a Map in a pipeline: it runs each call through the policy of its key.
package keyed
