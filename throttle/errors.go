package throttle

import (
	"errors"
	"fmt"

	"github.com/ductile-go/ductile/policy"
)

// ErrThrottled matches the error of every call that a throttle rejected. Such an error also
// matches [policy.ErrRejected]: the function did not run. It has no RetryAfter, since a
// throttle does not know when the dependency recovers.
var ErrThrottled = errors.New("throttle: call throttled")

// ThrottledError is the error of a call that a throttle rejected. It matches
// [ErrThrottled] and [policy.ErrRejected]. All rejected calls share one value.
type ThrottledError struct {
	Name string // of the throttle

	throttle *Throttle
}

// Error returns a message with the throttle's name. It does not change over time; see Rate.
func (e *ThrottledError) Error() string {
	switch {
	case e == nil:
		return "<nil>"
	case e.Name == "":
		return ErrThrottled.Error()
	}
	return fmt.Sprintf("throttle: call to %q throttled", e.Name)
}

// Is reports whether target is [ErrThrottled] or [policy.ErrRejected].
func (e *ThrottledError) Is(target error) bool {
	return target == ErrThrottled || target == policy.ErrRejected
}

// Rate returns the share of calls that the throttle rejects now, as in [Snapshot].
func (e *ThrottledError) Rate() float64 {
	if e == nil || e.throttle == nil {
		return 0
	}
	return e.throttle.Snapshot().Rate
}
