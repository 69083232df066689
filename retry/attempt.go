package retry

import "context"

type attemptKey struct{}

// Attempt returns the number of the attempt that ctx belongs to: 1 on the
// first, and outside a retry; 2 on the second. Of nested retries it is the
// innermost one's.
func Attempt(ctx context.Context) int {
	if n, ok := ctx.Value(attemptKey{}).(int); ok {
		return n
	}
	return 1
}

// withAttempt numbers an attempt. The first needs no number, unless it stands
// in a later attempt of a retry outside.
func withAttempt(ctx context.Context, n int) context.Context {
	if n == 1 && ctx.Value(attemptKey{}) == nil {
		return ctx
	}
	return context.WithValue(ctx, attemptKey{}, n)
}
