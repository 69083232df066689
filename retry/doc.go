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
// A retry ends early, and says why, when waiting cannot help: when the error is final
// ([Permanent], a rejection, or not [Retryable]), when the caller's context has ended or
// would end during the delay, when the server asks for more patience than MaxRetryAfter,
// when MaxElapsed would pass, when a shared [Budget] is spent, or when a policy inside,
// such as an open circuit, would refuse the next attempt after the delay.
//
// A final error comes back as it is. Every other end is an *[Error], which matches its
// reason and the last failure, and [ErrGaveUp]. It matches [policy.ErrRejected] only if
// the function has not run at all.
//
// The function says what it knows about its error by marks: [Permanent], [After] and
// [Exactly]. A mark on the outside of an error is taken off before the error reaches the
// caller.
package retry
