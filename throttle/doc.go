// Package throttle sheds calls to a dependency that is already refusing or failing many of
// them, before they are sent.
//
// A [Throttle] is the state of one dependency: how many requests were made recently, and how
// many of them it accepted. It has no type parameter, so calls of any result type can share
// it. A [Throttled] is a policy that asks a throttle about each call.
//
//	var search = throttle.NewThrottle(throttle.Config{Name: "search"})
//
//	hits, err := throttle.Do(ctx, search, query)
//	if errors.Is(err, throttle.ErrThrottled) {
//		return cached(), nil // query did not run
//	}
//
// The throttle rejects a call with the probability
//
//	p = max(0, (requests - K x accepts) / (requests + 1))
//
// of the client-side throttling in Google's book "Site Reliability Engineering", chapter
// "Handling Overload". Requests include the calls that the throttle itself rejected. So it
// sends about K times as many calls as the dependency accepts, whatever the demand. Unlike
// a circuit breaker it does not switch between all and none: a dependency that serves a
// third of the demand goes on serving that third.
//
// Under overload, calls of the lowest priority are rejected first; see [policy.WithPriority]
// and [Config].
//
// To count calls without a policy, use [Throttle.Acquire]. A throttle starts no goroutine,
// arms no timer and takes no lock. For one throttle per host or tenant, see package keyed.
//
// A throttle can be used inside and outside of testing/synctest bubbles. Each bubble begins
// in the year 2000, so its window has no calls from outside of bubbles, but it may still
// have those of the bubble before it.
package throttle
