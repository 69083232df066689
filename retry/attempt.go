package retry

import "context"

type attemptKey struct{}

// Attempt returns the number of the attempt that ctx belongs to: 1 for the first
// attempt and outside a retry, 2 for the second. In nested retries it is the attempt of
// the innermost one.
func Attempt(ctx context.Context) int {
	if a, ok := ctx.Value(attemptKey{}).(*attemptCtx); ok {
		return a.n
	}
	return 1
}

// attemptCtx is the context of a numbered attempt.
type attemptCtx struct {
	context.Context
	n int
}

func (a *attemptCtx) Value(key any) any {
	if key == (attemptKey{}) {
		return a // a pointer: a number would have to be allocated to be an any
	}
	return a.Context.Value(key)
}

// withAttempt returns the context of the nth attempt. The first attempt needs none,
// unless it runs in a later attempt of an outer retry.
func withAttempt(ctx context.Context, n int) context.Context {
	if n == 1 && ctx.Value(attemptKey{}) == nil {
		return ctx
	}
	return &attemptCtx{ctx, n}
}
