package retry

import (
	"errors"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
)

// failure is the outcome of an attempt that did not succeed.
type failure struct {
	err     error // nil for a rejected value
	leaf    bool  // err wraps nothing and matches only itself
	refused bool  // err matches policy.ErrRejected
	marked  bool  // err has a mark in its tree
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

// exactly returns the wait with which Exactly marked the error.
func (f failure) exactly() (time.Duration, bool) {
	if !f.marked {
		return 0, false
	}
	return mark.Exactly(f.err)
}
