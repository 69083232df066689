package retry

import (
	"context"
	"errors"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
)

// Permanent marks err as final: the retry around the function makes no further
// attempt, whatever its conditions are. That retry takes the mark off the outside of
// the error before it returns it, so that a retry further out decides by conditions of
// its own. A mark wrapped in another error stays, and ends that retry too.
// Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return mark.On(err, func(m *mark.Mark) { m.Permanent = true })
}

// After marks err with a hint as a server gives in Retry-After: if the call is
// retried, no sooner than d from now. Whether it is retried is decided by the retry's
// conditions. A negative d is treated as 0. After(nil, d) is nil.
func After(err error, d time.Duration) error { return wait(err, d, false) }

// Exactly marks err with the wait before the next attempt, as gRPC's pushback: it
// replaces the backoff's delay, without jitter, where After only sets a floor under
// it. A wait longer than MaxRetryAfter ends the retry. A negative d is treated as 0.
// Exactly(nil, d) is nil.
func Exactly(err error, d time.Duration) error { return wait(err, d, true) }

func wait(err error, d time.Duration, exact bool) error {
	if err == nil {
		return nil
	}
	return mark.On(err, func(m *mark.Mark) { m.Wait, m.Hinted, m.Exact = max(0, d), true, exact })
}

// Retryable is the default condition. It reports whether err is neither nil, nor
// [Permanent], nor a rejection ([policy.ErrRejected]), nor [context.Canceled].
func Retryable(err error) bool {
	return err != nil && !mark.Permanent(err) && !rejected(err) && !errors.Is(err, context.Canceled)
}

func rejected(err error) bool { return err != nil && errors.Is(err, policy.ErrRejected) }
