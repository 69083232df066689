// Package keyed keeps one value for each key, bounded: a circuit for each host, a
// limiter for each tenant, a gate for each route.
//
//	circuits := keyed.New(keyed.Config[string, *breaker.Circuit]{
//		Make: func(host string) *breaker.Circuit {
//			return breaker.NewCircuit(breaker.Config{Name: host})
//		},
//	})
//	guard := keyed.Policy(circuits, hostOf, breaker.New[*http.Response])
//	calls := pipeline.New[*http.Response](retries, guard)
//	resp, err := calls.Do(WithHost(ctx, "api.example.com"), send)
//
// A [Map] makes the value of a key when it is first asked for, and drops values to
// stay within its bounds. A value has the last word on that: only values that say
// they are idle are dropped, since dropping those loses nothing. When Max is reached
// and no member is idle, new keys share one overflow value. So a client that invents
// keys can neither exhaust memory nor reset a circuit that is open.
//
// [Policy] is the way to use a Map in a pipeline: it runs each call through the
// policy of the call's key.
package keyed
