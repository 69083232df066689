// Package mark has the wrapper with which a function classifies its own error: whether
// to retry it, when, and how a circuit counts it.
package mark

import (
	"errors"
	"time"

	"github.com/ductile-go/ductile/internal/same"
)

// Mark wraps an error and classifies it. Marks put directly on one another share one
// Mark, so each can be removed in any order.
type Mark struct {
	Err       error
	Permanent bool
	Wait      time.Duration // valid if Hinted
	Hinted    bool          // Wait is the minimum of the delay
	Exact     bool          // with Hinted: Wait is the delay
	Judged    uint8         // a policy.Outcome; 0 if none
}

func (m *Mark) Error() string { return m.Err.Error() }

// Unwrap returns the marked error.
func (m *Mark) Unwrap() error { return m.Err }

// RetryAfter returns the hint of the mark, or else of the marked error.
func (m *Mark) RetryAfter() time.Duration {
	d, _ := Hint(m)
	return d
}

// On returns err with a mark that set has filled in. Marks directly on err are kept.
func On(err error, set func(*Mark)) error {
	m := Mark{Err: err}
	if old, ok := err.(*Mark); ok { //nolint:errorlint // a mark inside another error belongs to that error
		m = *old
	}
	set(&m)
	return &m
}

// WithoutRetry returns err without the outer marks of package retry.
func WithoutRetry(err error) error {
	for {
		m, ok := err.(*Mark) //nolint:errorlint // a wrapped mark stays, or its wrapper would be lost
		switch {
		case !ok:
			return err
		case m.Judged == 0:
			err = m.Err
		case !m.Permanent && !m.Hinted:
			return err
		default:
			return &Mark{Err: m.Err, Judged: m.Judged}
		}
	}
}

// Without returns err without its outer marks.
func Without(err error) error {
	if _, ok := err.(*Mark); !ok { //nolint:errorlint // a wrapped mark stays, or its wrapper would be lost
		return err // the usual case, inlined
	}
	return without(err)
}

func without(err error) error {
	for {
		m, ok := err.(*Mark) //nolint:errorlint // a wrapped mark stays, or its wrapper would be lost
		if !ok {
			return err
		}
		err = m.Err
	}
}

// find returns the outermost mark in err's tree for which match returns true, or nil.
func find(err error, match func(*Mark) bool) *Mark {
	if !Any(err) { // the usual case
		return nil
	}
	var found *Mark
	walk(err, func(err error) bool {
		if m, ok := err.(*Mark); ok && match(m) { //nolint:errorlint // walk unwraps
			found = m
		}
		return found == nil
	})
	return found
}

// Permanent reports whether err is marked as final.
func Permanent(err error) bool {
	return find(err, func(m *Mark) bool { return m.Permanent }) != nil
}

// Judged returns the policy.Outcome that err is marked with, or 0.
func Judged(err error) uint8 {
	if m := find(err, func(m *Mark) bool { return m.Judged != 0 }); m != nil {
		return m.Judged
	}
	return 0
}

// Exactly returns the wait with which retry.Exactly marked err.
func Exactly(err error) (time.Duration, bool) {
	if m := find(err, func(m *Mark) bool { return m.Exact }); m != nil {
		return max(0, m.Wait), true
	}
	return 0, false
}

// Hint returns the wait that err asks for, and whether it is more than 0: the answer of
// err itself, or else the longest wait in its tree.
func Hint(err error) (time.Duration, bool) {
	if d, ok := own(err); ok {
		return max(0, d), d > 0
	}
	if !wraps(err) {
		return 0, false
	}
	longest := time.Duration(0)
	walk(err, func(err error) bool {
		if d, ok := own(err); ok {
			longest = max(longest, d)
		}
		return true
	})
	return longest, longest > 0
}

// wraps reports whether err can be unwrapped.
func wraps(err error) bool {
	switch err.(type) { //nolint:errorlint // this is what unwraps
	case interface{ Unwrap() error }, interface{ Unwrap() []error }:
		return true
	}
	return false
}

// Any reports whether there is a mark in err's tree.
func Any(err error) bool {
	_, marked := errors.AsType[*Mark](err)
	return marked
}

// own returns the wait that err itself asks for. For a mark without a hint, that is the
// wait of the marked error.
func own(err error) (time.Duration, bool) {
	for {
		m, ok := err.(*Mark) //nolint:errorlint // this error alone
		if !ok {
			break
		}
		if m.Hinted {
			return m.Wait, true
		}
		err = m.Err
	}
	h, ok := err.(interface{ RetryAfter() time.Duration })
	if !ok || same.Nil(h) {
		return 0, false
	}
	return h.RetryAfter(), true
}

// walk calls visit for err and each error in its tree, outermost first, until visit
// returns false. It returns false if visit did.
func walk(err error, visit func(error) bool) bool {
	for err != nil {
		if !visit(err) {
			return false
		}
		switch e := err.(type) { //nolint:errorlint // this is what unwraps
		case interface{ Unwrap() error }:
			if same.Nil(e) {
				return true
			}
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			if same.Nil(e) {
				return true
			}
			for _, inner := range e.Unwrap() {
				if !walk(inner, visit) {
					return false
				}
			}
			return true
		default:
			return true
		}
	}
	return true
}
