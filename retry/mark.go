package retry

import (
	"context"
	"errors"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
)

// Permanent marks err as final: the retry around the function makes no further attempt,
// whatever its conditions return. A mark on the outside of an error is removed when the
// retry returns it, so that an outer retry decides by its own conditions. A mark inside
// another error stays, and ends the outer retry too. Permanent(nil) returns nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return mark.On(err, func(m *mark.Mark) { m.Permanent = true })
}

// After marks err with a hint, such as the server's Retry-After: if the call is
// retried, the next attempt begins no sooner than after d. The retry's conditions still
// decide whether it is retried. A negative d is treated as 0. After(nil, d) returns
// nil.
func After(err error, d time.Duration) error { return wait(err, d, false) }

// Exactly marks err with the wait before the next attempt, such as gRPC's pushback. It
// replaces the delay of the backoff, without jitter; After only sets its minimum. A
// wait longer than MaxRetryAfter ends the retry. A negative d is treated as 0.
// Exactly(nil, d) returns nil.
func Exactly(err error, d time.Duration) error { return wait(err, d, true) }

func wait(err error, d time.Duration, exact bool) error {
	if err == nil {
		return nil
	}
	return mark.On(err, func(m *mark.Mark) { m.Wait, m.Hinted, m.Exact = max(0, d), true, exact })
}

// Retryable is the default condition. It returns false for nil, errors marked
// [Permanent], rejections ([policy.ErrRejected]) and [context.Canceled], and true for
// all others.
func Retryable(err error) bool {
	return err != nil && !mark.Permanent(err) && !rejected(err) && !errors.Is(err, context.Canceled)
}

func rejected(err error) bool { return errors.Is(err, policy.ErrRejected) }
