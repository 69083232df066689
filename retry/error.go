package retry

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Why a retry ended, as [Error.Reason]. A context that ended is the sixth
// reason; it is told by its cause.
var (
	ErrExhausted  = errors.New("retry: attempts exhausted")
	ErrElapsed    = errors.New("retry: the next delay does not fit in MaxElapsed")
	ErrDeadline   = errors.New("retry: the next delay would outlast the context's deadline")
	ErrBudget     = errors.New("retry: budget spent")
	ErrRetryAfter = errors.New("retry: the server asks for a longer delay than MaxRetryAfter")
)

// Error says that a retry ended without success. It matches both its reason and
// the last attempt's error, by errors.Is and errors.As.
type Error struct {
	Attempts int // how many were made
	// Elapsed is the time since the first attempt began. A retry with neither
	// MaxElapsed, Clock, OnRetry nor an observer reads no clock before it must,
	// and counts from the end of the first attempt; the message then leaves it out.
	Elapsed time.Duration
	Reason  error // one of this package's, or the cause of the context's end
	Last    error // the last attempt's; nil if its value was refused

	ended error         // what the context says, where its cause does not
	late  bool          // Elapsed leaves out the first attempt
	asked time.Duration // what the last error asked for
}

// Error says how often was tried, for how long, and why no more.
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
	if e.Last != nil && e.Last.Error() != reason { // as of an attempt that says why its context ended
		msg += ": last error: " + e.Last.Error()
	}
	return msg
}

// ending says whether it was the retry that had enough, or somebody else.
func (e *Error) ending() string {
	if slices.Contains([]error{ErrExhausted, ErrElapsed, ErrDeadline, ErrBudget, ErrRetryAfter}, e.Reason) {
		return "gave up"
	}
	return "stopped"
}

// RetryAfter returns for how long the last attempt's error asked to be left
// alone, or 0. A retry around this one keeps to it.
func (e *Error) RetryAfter() time.Duration {
	if e == nil {
		return 0
	}
	return e.asked
}

// Unwrap returns the reason, then the last attempt's error.
func (e *Error) Unwrap() []error {
	if e == nil {
		return nil
	}
	var errs []error
	for _, err := range []error{e.Reason, e.ended, e.Last} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
