package hedge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// ErrLost is the context cause of attempts that another attempt has beaten. If the caller
// left first, the cause is that of the caller's context.
var ErrLost = errors.New("hedge: another attempt was first")

// Error is returned if several attempts failed, or if the caller left while other
// attempts were running. The error of a single attempt is returned as it is.
//
// It matches what each of its errors matches by errors.Is and errors.As, but it matches
// [policy.ErrRejected] only if all of them do.
type Error struct {
	Attempts int // number of attempts started
	// Errs holds the errors of the attempts in the order in which they ended, followed by
	// the end of the caller's context if that ended the call. Attempts that were still
	// running have no error in it.
	Errs []error
}

// Error returns a message with the number of attempts and their errors.
func (e *Error) Error() string {
	if e == nil {
		return "<nil>"
	}
	var msg strings.Builder
	fmt.Fprintf(&msg, "hedge: no success from %d attempt", e.Attempts)
	if e.Attempts != 1 {
		msg.WriteByte('s')
	}
	for i, err := range e.Errs {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&msg, "%s%v", sep, err)
	}
	return msg.String()
}

// Unwrap returns Errs, without the rejections if there are other errors.
func (e *Error) Unwrap() []error {
	if e == nil {
		return nil
	}
	if e.refused() {
		return slices.Clone(e.Errs)
	}
	// An unwrapped rejection would make the whole error match ErrRejected. Is and As match
	// rejections instead.
	return slices.DeleteFunc(slices.Clone(e.Errs), rejected)
}

// refused reports whether every error is a rejection.
func (e *Error) refused() bool {
	return !slices.ContainsFunc(e.Errs, func(err error) bool { return !rejected(err) })
}

// Is reports whether a rejection among Errs matches target, which is not
// [policy.ErrRejected].
func (e *Error) Is(target error) bool {
	return e != nil && target != policy.ErrRejected && slices.ContainsFunc(e.Errs, func(err error) bool {
		return rejected(err) && errors.Is(err, target)
	})
}

// As finds target among the rejections in Errs.
func (e *Error) As(target any) bool {
	return e != nil && slices.ContainsFunc(e.Errs, func(err error) bool { return rejected(err) && errors.As(err, target) })
}

// RetryAfter returns the longest RetryAfter of Errs, or 0. If only some of them are
// rejections, it ignores theirs: they come from an inner policy and not from the
// dependency.
func (e *Error) RetryAfter() time.Duration {
	longest := time.Duration(0)
	if e == nil {
		return longest
	}
	all := e.refused()
	for _, err := range e.Errs {
		if asked, ok := policy.RetryAfter(err); ok && (all || !rejected(err)) {
			longest = max(longest, asked)
		}
	}
	return longest
}
