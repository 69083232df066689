package retry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// ErrGaveUp is matched by every *[Error].
var ErrGaveUp = errors.New("retry: gave up")

// Reasons why a retry ended, for [Error.Reason]. A rejection, or the cause of the
// context's end, can be the reason too.
var (
	ErrExhausted = errors.New("retry: attempts exhausted")
	ErrElapsed   = errors.New("retry: the next delay does not fit in MaxElapsed")
	// ErrDeadline also matches context.DeadlineExceeded.
	ErrDeadline   error = deadlineError{}
	ErrBudget           = errors.New("retry: budget spent")
	ErrRetryAfter       = errors.New("retry: the server asks for a longer delay than MaxRetryAfter")
)

type deadlineError struct{}

func (deadlineError) Error() string {
	return "retry: the next delay would outlast the context's deadline"
}
func (deadlineError) Is(target error) bool { return target == context.DeadlineExceeded }

// Error reports that a retry ended without success. By errors.Is and errors.As it
// matches [ErrGaveUp], its reason and the last failure. It unwraps to the last failure.
//
// It matches [policy.ErrRejected] only if every attempt was rejected; otherwise the
// function has run. A *breaker.OpenError that errors.As finds in it describes only the
// last attempt.
type Error struct {
	Attempts int // the number of attempts, rejected ones included
	// Elapsed is the time since the first attempt began. Without MaxElapsed, Clock,
	// OnRetry and an observer, a retry reads the clock only after the first attempt and
	// counts from there; Error then leaves the time out.
	Elapsed time.Duration
	// Reason is one of the reasons of this package, the cause of the context's end, or
	// the rejection that the next attempt met or would have met.
	Reason error
	// Last is the last failure of an attempt that was not rejected. If all were, it is
	// the last rejection. It is nil if the last value was rejected by WithCondition.
	Last error
	// Errs has the errors of the last KeepErrors attempts, oldest first. An attempt
	// whose value was rejected has none.
	Errs []error

	ended   error         // what ctx.Err returned, if the end of the context is the reason
	refused error         // the rejection of the last attempt, if an earlier one ran, or of the next, if it asks for too long a wait
	ran     bool          // an attempt was not rejected
	late    bool          // Elapsed does not include the first attempt
	asked   time.Duration // the wait that the last error or the reason asked for
	one     [1]error      // storage for Errs
}

// Error returns the number of attempts, their time, the reason and the last failure.
func (e *Error) Error() string {
	if e == nil {
		return "<nil>"
	}
	msg := fmt.Sprintf("retry: %s after %d attempt", e.ending(), e.Attempts)
	if e.Attempts != 1 {
		msg += "s"
	}
	if !e.late {
		msg += fmt.Sprintf(" in %v", e.Elapsed.Round(time.Millisecond))
	}
	reason := fmt.Sprint(e.Reason)
	msg += ": " + reason
	if e.Reason == ErrRetryAfter { //nolint:errorlint // our own, and never wrapped
		msg += fmt.Sprintf(" (%v)", e.asked)
	}
	if last := fmt.Sprint(e.Last); e.Last != nil && last != reason { // they are equal if the attempt returned the cause of its context
		msg += ": last error: " + last
	}
	return msg
}

// ending returns "gave up" if the retry ended by its own rules.
func (e *Error) ending() string {
	if reasonOf(e.Reason) != "" {
		return "gave up"
	}
	return "stopped"
}

// reasonOf returns the event's Reason for one of this package's reasons, or "".
func reasonOf(reason error) string {
	switch reason {
	case ErrExhausted: //nolint:errorlint // identity: reasons are never wrapped
		return "exhausted"
	case ErrElapsed:
		return "elapsed"
	case ErrDeadline:
		return "deadline"
	case ErrBudget:
		return "budget"
	case ErrRetryAfter:
		return "retry_after"
	}
	return ""
}

// RetryAfter returns how long the rejection that ended the retry, or else the last
// error, asks the caller to wait. It returns 0 if neither asks.
func (e *Error) RetryAfter() time.Duration {
	if e == nil {
		return 0
	}
	return e.asked
}

// rejected reports whether a rejection ended the retry.
func (e *Error) rejected() bool { return e.refused != nil || rejected(e.Reason) }

// Unwrap returns Last.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Last
}

// Is reports whether target is [ErrGaveUp] or matches the reason. If the function has
// run, it returns false for [policy.ErrRejected].
func (e *Error) Is(target error) bool {
	switch {
	case target == ErrGaveUp:
		return true
	case e == nil, target == policy.ErrRejected && e.ran:
		return false
	}
	return errors.Is(e.Reason, target) || errors.Is(e.ended, target) || errors.Is(e.refused, target)
}

// As finds target in the reason.
func (e *Error) As(target any) bool {
	if e == nil {
		return false
	}
	return errors.As(e.Reason, target) || errors.As(e.ended, target) || errors.As(e.refused, target)
}
