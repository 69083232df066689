// Package retry calls a function again when that may help, and decides how long to wait
// first. Use it for calls that are safe to repeat and whose failures are transient.
//
//	session, err := retry.Do(ctx, retry.Config{}, createSession)
//	if errors.Is(err, retry.ErrExhausted) {
//		// three attempts failed; errors.As finds the last error
//	}
//
// In a pipeline, the retry is a policy:
//
//	r := retry.New[*Session](retry.Config{MaxAttempts: 5, MaxElapsed: time.Minute})
//	p := pipeline.New(r, breaker.New[*Session](circuit))
//	session, err := p.Do(ctx, createSession)
//
// The zero [Config] makes three attempts. It waits 0.5 s and 1 s between them, spread
// by ±10 % so that callers that failed together do not return together.
//
// A retry ends early if another attempt cannot help:
//
//   - The error is final: it is marked [Permanent], is a rejection, or is not [Retryable].
//   - The caller's context has ended, or would end during the delay.
//   - The server asks for a longer delay than MaxRetryAfter.
//   - MaxElapsed would pass, or a shared [Budget] is spent.
//   - An inner policy, such as an open circuit, would refuse the next attempt.
//
// A final error is returned as it is. Otherwise the error is an *[Error]. It matches
// [ErrGaveUp], its reason, and the last failure, and it matches [policy.ErrRejected]
// only if the function never ran.
//
// The function marks its errors with [Permanent], [After] and [Exactly]. The marks are
// removed before the error reaches the caller.
package retry
