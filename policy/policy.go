// Package policy is the contract that every resilience policy of ductile
// speaks, and the home of the two policies small enough to live beside it:
// [Timeout] and [Fallback].
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
// alone, through its Do method.
//
// Every policy promises the same things. A context that has already ended runs
// nothing. A function that returned a nil error has succeeded, whatever became
// of the context meanwhile. Panics and runtime.Goexit pass through unrecovered.
// A policy value is safe for concurrent use and keeps nothing of a call once
// the call has returned.
//
// A nil context is a mistake of the caller's: it panics, by its use, before anything
// has run. There is no message, since every call would pay for the comparison.
package policy

import (
	"context"
	"errors"
)

// Func is a call to be made resilient.
type Func[T any] func(ctx context.Context) (T, error)

// Policy decides whether, when and how often the rest of a call runs.
//
// Execute runs next as often as it sees fit, from zero times up, and answers
// for it. It must be safe for concurrent use. It must not keep next or ctx
// after it has returned, unless it started a goroutine that accounts for them.
type Policy[T any] interface {
	Execute(ctx context.Context, next Call[T]) (T, error)
}

// Outcome is what a call says of the thing it called.
type Outcome uint8

const (
	// Success speaks for the dependency.
	Success Outcome = iota
	// Failure speaks against it.
	Failure
	// Ignored says nothing about it, as when the caller gave up.
	Ignored
)

// String returns "success", "failure" or "ignored".
func (o Outcome) String() string {
	switch o {
	case Success:
		return "success"
	case Failure:
		return "failure"
	case Ignored:
		return "ignored"
	}
	return "unknown outcome"
}

// MarshalText returns what String does, for logs and JSON.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

var (
	// ErrRejected is matched by the error of every policy that refused a call: the
	// function did not run. What comes out of a retry speaks of the last attempt
	// alone; earlier ones may have run the function. Who must know counts the runs,
	// or looks at the retry's events.
	ErrRejected = errors.New("policy: rejected")

	// ErrNoReturn stands where an error is wanted for a function that never
	// returned one: it panicked or called runtime.Goexit. It is seen in events
	// and callbacks and is never returned from a call.
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
		return &endedError{err: err, cause: cause}
	}
}

// Canceled reports whether err says that the caller who passed ctx has given up:
// ctx was cancelled, and err matches [context.Canceled] or the cause that was
// given. Nobody waits for an answer, and the function that returned err is not to
// blame.
func Canceled(ctx context.Context, err error) bool {
	if err == nil || !errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx))
}

// endedError is the end of a context whose cause does not match its Err.
type endedError struct{ err, cause error }

func (e *endedError) Error() string   { return e.err.Error() + ": " + e.cause.Error() }
func (e *endedError) Unwrap() []error { return []error{e.err, e.cause} }
