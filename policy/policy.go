// Package policy defines what a resilience policy is, and provides four small ones:
// [Timeout], [Fallback], [Check] and [Select]. Package pipeline composes policies;
// import this package to use one of the four, to observe events, or to write a policy
// of your own.
//
//	answer := policy.FallbackValue("unknown")
//	limit := policy.Timeout[string](2 * time.Second)
//	name, err := answer.Do(ctx, func(ctx context.Context) (string, error) {
//		return limit.Do(ctx, lookUpName)
//	})
//
// A policy is one method. It decides whether, when and how often the rest of a call
// runs:
//
//	type once[T any] struct{ used atomic.Bool }
//
//	func (o *once[T]) Execute(ctx context.Context, next policy.Call[T]) (T, error) {
//		if o.used.Swap(true) {
//			var zero T
//			return zero, fmt.Errorf("once: %w", policy.ErrRejected)
//		}
//		return next.Do(ctx)
//	}
//
// All policies of this module keep the same promises, and package policytest checks
// them for yours:
//
//   - A context that has already ended runs nothing.
//   - A function that returned a nil error has succeeded, even if its context has ended meanwhile.
//   - Panics and runtime.Goexit pass through; they are not recovered.
//   - A policy is safe for concurrent use, and keeps nothing of a call that has returned.
//   - A nil function panics, and so does a nil context, before anything runs.
//
// A policy that waits, queues or starts goroutines does so with [Sleep], [NewWaiter],
// [AfterFunc] and [Go], so that tests can run it in virtual time. Methods whose names
// begin with With return a changed copy.
package policy

import (
	"context"
	"errors"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/refusal"
	"github.com/ductile-go/ductile/internal/same"
)

// Func is the function that a policy calls.
type Func[T any] func(ctx context.Context) (T, error)

// Policy decides whether, when and how often the rest of a call runs.
//
// Execute runs next zero or more times and returns the result of the call. It must be
// safe for concurrent use. It must not use next or ctx after it has returned, except on
// a goroutine that it started. A policy may have three more methods: Describe (see
// [Description]), Refusal (see [Call.Refusal]), and Clock() Clock, which returns the
// clock that it was given.
type Policy[T any] interface {
	Execute(ctx context.Context, next Call[T]) (T, error)
}

var (
	// ErrRejected is matched by the error of a policy that refused a call: the function
	// did not run. An error that joins several errors matches ErrRejected only if each
	// of them does.
	ErrRejected = errors.New("policy: rejected")

	// ErrUndetermined is returned by a Refusal method that cannot answer; see
	// [Call.Refusal]. No call returns it.
	ErrUndetermined = refusal.ErrUnknown

	// ErrNoReturn is the error that events and callbacks report for a function that
	// panicked or called runtime.Goexit. No call returns it.
	ErrNoReturn = errors.New("policy: the function panicked or called runtime.Goexit")
)

// Ended returns nil if ctx has not ended. Otherwise it returns an error that matches,
// by [errors.Is] and [errors.As], both ctx.Err() and [context.Cause] of ctx. A cause that
// is a nil pointer is left out.
func Ended(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	switch cause := context.Cause(ctx); {
	case same.Nil(cause): // a nil pointer has no text; nil is of a custom context whose own parent has not ended
		return err
	case errors.Is(cause, err):
		return cause
	default:
		return both(err.Error()+": "+cause.Error(), err, cause)
	}
}

// RetryAfter returns how long err asks the caller to wait before the next attempt. ok
// is false if err does not ask for a positive time. An error asks with a method
//
//	RetryAfter() time.Duration
//
// If err itself has the method, or is marked by retry.After or retry.Exactly,
// RetryAfter returns its answer. Otherwise it returns the longest time that an error in
// err's tree asks for. Nil pointers are skipped.
func RetryAfter(err error) (d time.Duration, ok bool) { return mark.Hint(err) }
