// Package policy is the contract that every resilience policy of ductile implements,
// and the home of the policies small enough to live beside it: [Timeout], [Fallback],
// [Check] and [Select].
//
// A policy decides whether, when and how often the rest of a call runs. It is
// one method:
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
// Policies are composed by package pipeline. Each of ductile's own also runs
// alone, through its Do method. Methods that return a changed copy begin with With.
//
// Every policy keeps the same promises. A context that has already ended runs nothing. A
// function that returned a nil error has succeeded, whatever happened to the context
// meanwhile. Panics and runtime.Goexit pass through unrecovered. A policy value is safe
// for concurrent use and keeps nothing of a call once the call has returned. A nil
// function panics. A nil context panics too, before anything has run.
//
// A policy that waits, forks or queues does so through this package ([Sleep],
// [NewWaiter], [Go], [AfterFunc]), so that it runs in virtual time.
package policy

import (
	"context"
	"errors"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/refusal"
)

// Func is a call to be made resilient.
type Func[T any] func(ctx context.Context) (T, error)

// Policy decides whether, when and how often the rest of a call runs.
//
// Execute runs next any number of times, zero included, and returns the result of the
// call. It must be safe for concurrent use. It must not keep next or ctx after it has
// returned, unless it started a goroutine that needs them. Optional methods are Describe
// (see [Description]), Refusal (see [Call.Refusal]) and Clock, which returns the clock
// that the policy was given.
type Policy[T any] interface {
	Execute(ctx context.Context, next Call[T]) (T, error)
}

var (
	// ErrRejected is matched by the error of every policy that refused a call: the
	// function did not run at all. An error that joins several matches it only if all
	// of them do.
	ErrRejected = errors.New("policy: rejected")

	// ErrUndetermined is the answer of a Refusal method that cannot tell: see
	// [Call.Refusal]. It is never returned from a call.
	ErrUndetermined = refusal.ErrUnknown

	// ErrNoReturn is the error in events and callbacks of a function that panicked or
	// called runtime.Goexit. It is never returned from a call.
	ErrNoReturn = errors.New("policy: the function panicked or called runtime.Goexit")
)

// Ended returns nil while ctx lives. Afterwards it returns an error that
// matches, by [errors.Is] and [errors.As], both ctx.Err() and [context.Cause]
// of ctx.
func Ended(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	switch cause := context.Cause(ctx); {
	case cause == nil: // a context of somebody's making, below one that lives
		return err
	case errors.Is(cause, err):
		return cause
	default:
		return both(err.Error()+": "+cause.Error(), err, cause)
	}
}

// RetryAfter returns how long err asks its caller to wait before the next try, and
// whether it asks for any time at all. An error asks by a method
//
//	RetryAfter() time.Duration
//
// If err itself has one, or is marked by retry.After or retry.Exactly, that is the
// answer; otherwise it is the longest wait that any error in its chain or join asks
// for. Nil pointers are skipped.
func RetryAfter(err error) (d time.Duration, ok bool) { return mark.Hint(err) }
