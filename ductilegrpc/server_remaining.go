package ductilegrpc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// ErrRemaining matches the error of a call that was refused because its deadline was closer
// than [ServerConfig].MinRemaining. Such an error also matches [policy.ErrRejected] and
// [context.DeadlineExceeded].
var ErrRemaining = errors.New("ductilegrpc: too little time remains until the deadline")

// remainingError is the error of all calls that one MinRemaining refuses.
type remainingError struct{ least time.Duration }

func (e *remainingError) Error() string {
	return fmt.Sprintf("ductilegrpc: less than %v remains until the deadline", e.least)
}

// ErrorType is the error.type of metrics: what an event has as Reason.
func (e *remainingError) ErrorType() string { return remainingReason }

func (e *remainingError) Is(target error) bool {
	return target == ErrRemaining || target == policy.ErrRejected || target == context.DeadlineExceeded
}

// remaining is the policy of MinRemaining.
type remaining[T any] struct {
	clock  policy.Clock
	refuse *remainingError
}

func newRemaining[T any](cfg ServerConfig) *remaining[T] {
	return &remaining[T]{cfg.Clock, &remainingError{cfg.MinRemaining}}
}

// The Policy and the Reason of its events.
const (
	remainingKind   = "min_remaining"
	remainingReason = "deadline"
)

func (r *remaining[T]) Execute(ctx context.Context, next policy.Call[T]) (v T, err error) {
	if r.refuse.short(ctx, r.clock) {
		if next.Observed(policy.Rejected) {
			next.Emit(ctx, r.refuse.event())
		}
		return v, r.refuse
	}
	return next.Do(ctx)
}

// short reports whether less remains than the call needs.
func (e *remainingError) short(ctx context.Context, clock policy.Clock) bool {
	deadline, ok := ctx.Deadline()
	return ok && deadline.Sub(policy.Now(clock)) < e.least
}

func (e *remainingError) event() policy.Event {
	return policy.Event{Kind: policy.Rejected, Policy: remainingKind, Reason: remainingReason, Err: e}
}
