package breaker

import (
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/internal/refusal"
	"github.com/ductile-go/ductile/policy"
)

// ErrOpen is matched by the error of every call that a circuit refused, in whatever state.
// Such an error also matches [policy.ErrRejected].
var ErrOpen = errors.New("breaker: circuit open")

// OpenError is the error of a call that a circuit refused. It matches [ErrOpen] and
// [policy.ErrRejected]. Calls that are refused by the same state share one value.
type OpenError struct {
	Name  string
	State State // Open, Isolated, or HalfOpen if all its permits are out

	// The circuit's own notes of the state, in the padding after State.
	forced    bool  // it was entered by Isolate or Trip
	timed     bool  // it lasts for the time that Trip was given
	lenient   bool  // it refuses no call: in shadow, and not forced
	reopening int32 // how often the circuit has reopened since it was closed

	Cause  error  // the error of the call that opened the circuit, or nil; errors.Is does not match it
	Reason string // of the move that opened or isolated the circuit; see Transition

	gen *generation
}

// Error returns a text that names the circuit, its state, and what opened it: the cause, or
// the reason that was given to Isolate or Trip. It does not change as time passes; see
// RetryAfter.
func (e *OpenError) Error() string {
	if e == nil {
		return "<nil>"
	}
	msg := "breaker: circuit"
	if e.Name != "" {
		msg += fmt.Sprintf(" %q", e.Name)
	}
	msg += " is " + e.State.String()
	if e.State == HalfOpen {
		msg += " and its permits are out"
	}
	if given(e.Reason) {
		msg += ": " + e.Reason
	}
	if e.Cause != nil {
		msg += fmt.Sprintf(": opened by: %v", e.Cause)
	}
	return msg
}

// given reports whether a reason was given to Isolate or Trip.
func given(reason string) bool {
	switch reason {
	case "", ReasonFailures, ReasonFailureRate, ReasonSlowRate, ReasonProbeFailed, ReasonProbeSlow, ReasonNoVerdict:
		return false
	}
	return true
}

// Is reports whether target is [ErrOpen] or [policy.ErrRejected].
func (e *OpenError) Is(target error) bool {
	return target == ErrOpen || target == policy.ErrRejected ||
		target == refusal.ErrPassing && e != nil && e.gen != nil && e.State == Open
}

// RetryAfter returns how long it takes, from now, until an open circuit admits a probe, and
// 0 if it would already. A half-open circuit cannot know when a permit comes back. It
// returns an interval to ask again after: RecoveryTimeout/16, but at least 10 ms and at most
// 1 s. For an isolated circuit it returns 0.
func (e *OpenError) RetryAfter() time.Duration {
	switch {
	case e == nil || e.gen == nil:
		return 0
	case e.State == HalfOpen:
		return e.gen.rules.retryHint()
	}
	c := e.gen.circuit
	return c.gen.Load().remaining(c.time.Now()) // not of e.gen: a Reset, Trip or Reconfigure may have come since
}
