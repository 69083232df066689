package retry

import (
	"errors"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
)

// failure is what is known of an attempt's error.
type failure struct {
	err     error // nil for a refused value
	leaf    bool  // it wraps nothing and matches nothing but itself
	refused bool  // it matches policy.ErrRejected
	marked  bool  // there is a mark in it
}

func failureOf(err error) failure {
	switch err.(type) { //nolint:errorlint // asks what the error itself can do
	case nil:
		return failure{}
	case interface{ Unwrap() error }, interface{ Unwrap() []error }, interface{ Is(error) bool }, interface{ As(any) bool }:
		return failure{err: err, refused: rejected(err), marked: mark.Any(err)}
	}
	return failure{err: err, leaf: true, refused: err == policy.ErrRejected} //nolint:errorlint // a leaf
}

// matches is errors.Is.
func (f failure) matches(target error) bool {
	if f.leaf {
		return f.err == target //nolint:errorlint // a leaf
	}
	return errors.Is(f.err, target)
}

// plain returns the error without this package's marks.
func (f failure) plain() error {
	if f.marked {
		return mark.WithoutRetry(f.err)
	}
	return f.err
}

// exactly returns the wait that the error asks for instead of a delay.
func (f failure) exactly() (time.Duration, bool) {
	if !f.marked {
		return 0, false
	}
	return mark.Exactly(f.err)
}
