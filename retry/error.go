package retry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// ErrGaveUp is matched by every *[Error], whatever its reason.
var ErrGaveUp = errors.New("retry: gave up")

// Why a retry ended, as [Error.Reason]. Other reasons are a rejection, and the cause
// of the context's end.
var (
	ErrExhausted = errors.New("retry: attempts exhausted")
	ErrElapsed   = errors.New("retry: the next delay does not fit in MaxElapsed")
	// ErrDeadline matches context.DeadlineExceeded.
	ErrDeadline   error = deadlineError{}
	ErrBudget           = errors.New("retry: budget spent")
	ErrRetryAfter       = errors.New("retry: the server asks for a longer delay than MaxRetryAfter")
)

type deadlineError struct{}

func (deadlineError) Error() string {
	return "retry: the next delay would outlast the context's deadline"
}
func (deadlineError) Is(target error) bool { return target == context.DeadlineExceeded }

// reasons are the constants for the Reason of a GaveUp event.
var reasons = map[error]string{
	ErrExhausted: "exhausted", ErrElapsed: "elapsed", ErrDeadline: "deadline",
	ErrBudget: "budget", ErrRetryAfter: "retry_after",
}

// Error says that a retry ended without success. It matches [ErrGaveUp], its reason
// and the last failure, by errors.Is and errors.As, and unwraps to the last failure.
//
// It matches [policy.ErrRejected] only if every attempt was rejected: otherwise the
// function has run. An OpenError that errors.As finds in it describes the last attempt
// alone.
type Error struct {
	Attempts int // how many were made, rejected ones included
	// Elapsed is the time since the first attempt began. A retry with neither
	// MaxElapsed, Clock, OnRetry nor an observer reads no clock before it must,
	// and counts from the end of the first attempt; the message then leaves it out.
	Elapsed time.Duration
	// Reason is one of this package's, the cause of the context's end, or the
	// rejection that a further attempt met or would have met.
	Reason error
	// Last is the last failure of an attempt that was not rejected, or else the last
	// rejection; nil if the last value was refused.
	Last error
	// Errs are the errors of the last attempts, oldest first, as many as KeepErrors
	// says. Attempts whose value was refused have none.
	Errs []error

	ended   error         // what the context's Err returned, if that was the reason
	refused error         // the last attempt's rejection, if the function ran before
	ran     bool          // an attempt was not rejected
	late    bool          // Elapsed leaves out the first attempt
	asked   time.Duration // what the end of it asked for
	one     [1]error      // room for Errs
}

// Error says how many attempts were made, for how long, and why no more.
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
	if last := fmt.Sprint(e.Last); e.Last != nil && last != reason { // as of an attempt that says why its context ended
		msg += ": last error: " + last
	}
	return msg
}

// ending says whether the retry ended by its own rules.
func (e *Error) ending() string {
	if reasonOf(e.Reason) != "" {
		return "gave up"
	}
	return "stopped"
}

// reasonOf returns the constant for one of this package's reasons, or "".
func reasonOf(reason error) string {
	for own, name := range reasons {
		if own == reason { //nolint:errorlint // identity: reasons are never wrapped
			return name
		}
	}
	return ""
}

// RetryAfter returns for how long the rejection that ended the retry, or else the
// last attempt's error, asked to be left alone; 0 if it did not ask.
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

// Is reports whether target is [ErrGaveUp], or is matched by the reason.
// [policy.ErrRejected] is not if the function has run.
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
