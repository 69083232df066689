// Package ratelimit lets calls through at a rate.
//
// A [Limiter] is the state of one limit: a bucket of tokens that fills at a steady rate.
// It has no type parameter: calls of any result type share it. A [RateLimit] is the
// policy that takes a token for each call.
//
//	var stripe = ratelimit.NewLimiter(ratelimit.Config{
//		Name:    "stripe",
//		Limit:   100,             // calls a second
//		Burst:   10,              // at once, after a pause
//		MaxWait: 2 * time.Second, // for a token; 0 refuses at once
//	})
//
//	session, err := ratelimit.Do(ctx, stripe, createSession)
//	if errors.Is(err, ratelimit.ErrExceeded) {
//		d, _ := policy.RetryAfter(err) // createSession did not run; a token is due in d
//	}
//
// In any window of length W, at most Burst + W x Limit / Per tokens are granted, however
// many callers wait, give up, or give back.
//
// By hand, [Limiter.Allow] takes tokens if they are there, [Limiter.Wait] waits for them,
// and [Limiter.Reserve] returns the time at which they will be there. Callers that wait
// are served in the order in which they came; when one gives up, all behind it move up, as
// if it had never come. [Limiter.SetRate] and [Limiter.Pause] change a limiter in use.
//
// The algorithm is GCRA, the generic cell rate algorithm of ATM (ITU-T I.371): the state
// is one number, the time at which the bucket will be full again. Taking a token is one
// compare-and-swap. A limiter starts no goroutine, and none of its calls holds a lock
// while it waits. For a limit for each tenant or host, see package keyed.
//
// A limiter may be used in any bubble of testing/synctest and outside of it. Time in a
// bubble is another time: a limiter that comes from elsewhere begins anew there, full.
package ratelimit
