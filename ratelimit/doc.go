// Package ratelimit limits how many calls run per unit of time.
//
// A [Limiter] is the state of one limit: a bucket of tokens that refills at a steady
// rate. It has no type parameter, so calls of any result type can share it. A [RateLimit]
// is a policy that takes a token for each call.
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
//		d, _ := policy.RetryAfter(err) // createSession did not run; the next token is due in d
//	}
//
// In any window of length W, the limiter grants at most Burst + W x Limit / Per tokens,
// no matter how many callers wait, leave the queue or cancel a reservation.
//
// To take tokens without a policy, use [Limiter.Allow], which never waits,
// [Limiter.Wait], which waits, or [Limiter.Reserve], which returns the time at which the
// tokens are due. Waiting callers are served in the order of arrival. When one leaves,
// all callers behind it move up, as if it had never arrived. [Limiter.SetRate] and
// [Limiter.Pause] change a limiter in use.
//
// The algorithm is GCRA, the generic cell rate algorithm of ATM (ITU-T I.371): the state
// is one number, the time at which the bucket will be full again. Taking a token is one
// compare-and-swap. A limiter starts no goroutine and holds no lock while a call waits.
// For one limit per tenant or host, see package keyed.
//
// A limiter can be used inside and outside of testing/synctest bubbles. Each bubble begins
// in the year 2000, so a limiter that was used outside of bubbles begins there with a full
// bucket, but in a second bubble it may still lack the tokens that were taken in the first.
package ratelimit
