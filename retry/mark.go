package retry

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Permanent marks err as final: the retry around the function tries no more,
// whatever its conditions say. The mark is taken off before the error comes back,
// so that a retry further out decides by conditions of its own; wrapped in another
// error the mark stays, and ends that one too. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// After marks err as worth another attempt no sooner than d from now, as a
// server asks with Retry-After. Whether it is retried at all is for the
// retry's conditions. After(nil, d) is nil.
func After(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return &afterError{err, d}
}

type afterError struct {
	err error
	d   time.Duration
}

func (e *afterError) Error() string             { return e.err.Error() }
func (e *afterError) Unwrap() error             { return e.err }
func (e *afterError) RetryAfter() time.Duration { return e.d }

// Retryable reports whether err is worth another attempt by default: it is not
// nil, not [Permanent], not [policy.ErrRejected] and not [context.Canceled].
func Retryable(err error) bool {
	return err != nil && !isPermanent(err) &&
		!errors.Is(err, policy.ErrRejected) && !errors.Is(err, context.Canceled)
}

func isPermanent(err error) bool {
	_, ok := errors.AsType[*permanentError](err) // unlike As, allocates nothing
	return ok
}

// hinting is an error that asks for a delay.
type hinting interface {
	error
	RetryAfter() time.Duration
}

// hint returns what err's chain asks for by a method RetryAfter.
func hint(err error) time.Duration {
	h, ok := errors.AsType[hinting](err)
	if !ok {
		return 0
	}
	// A nil pointer in an error is somebody's slip, and no reason to panic here.
	if v := reflect.ValueOf(h); v.Kind() == reflect.Pointer && v.IsNil() {
		return 0
	}
	return h.RetryAfter()
}

// unmark takes this package's marks off the outside of err.
func unmark(err error) error {
	for {
		switch e := err.(type) { //nolint:errorlint // a wrapped mark stays, or its wrapping would be lost
		case *permanentError:
			err = e.err
		case *afterError:
			err = e.err
		default:
			return err
		}
	}
}
