package retry

import "context"

type attemptKey struct{}

// Attempt returns the number of the attempt that ctx belongs to: 1 on the
// first, and outside a retry; 2 on the second. Of nested retries it is the
// innermost one's.
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
		return a // itself and not the number, which would have to be allocated to be an any
	}
	return a.Context.Value(key)
}

// withAttempt numbers an attempt. The first needs no number, unless it stands
// in a later attempt of a retry outside.
func withAttempt(ctx context.Context, n int) context.Context {
	if n == 1 && ctx.Value(attemptKey{}) == nil {
		return ctx
	}
	return &attemptCtx{ctx, n}
}
