// Package retry tries a call again when trying again may help, and decides how
// long to wait first.
//
//	session, err := retry.Do(ctx, retry.Config{}, createSession)
//	if errors.Is(err, retry.ErrExhausted) {
//		// three attempts failed; errors.As finds the last one's error
//	}
//
// The zero [Config] makes three attempts, 0.5 s and 1 s apart, each delay
// spread by ±10 % so that callers who failed together do not return together.
//
// A retry ends early, and says why, when waiting cannot help: when the error is
// final ([Permanent], or not [Retryable]), when the caller's context has ended
// or would end during the delay, when the server asks for more patience than
// MaxRetryAfter, when MaxElapsed would pass, or when a shared [Budget] is spent.
//
// A final error comes back as it is, without a word of the attempts before it. So
// an error that matches policy.ErrRejected, as that of a breaker inside, says that
// the last attempt did not run; earlier ones may have.
package retry
