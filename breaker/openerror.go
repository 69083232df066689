package breaker

import (
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// ErrOpen is matched by the error of every call that a circuit refused, in
// whatever state it did. Such an error matches [policy.ErrRejected] too.
var ErrOpen = errors.New("breaker: circuit open")

// OpenError says that a circuit refused a call. It matches [ErrOpen] and
// [policy.ErrRejected]. Calls refused by the same state share one value.
type OpenError struct {
	Name  string
	State State // Open, Isolated, or HalfOpen when all its permits are out

	// What the circuit itself remembers of the state, in the padding after State.
	forced    bool  // by Isolate or Trip
	timed     bool  // for the time that Trip was given
	lenient   bool  // refuses no call: in shadow, and not by hand
	reopening int32 // how many times the circuit re-opened since it was closed

	Cause  error  // what opened the circuit, if a call did, this one's or another; not matched by errors.Is
	Reason string // of the move that opened or isolated the circuit; see Transition

	gen *generation
}

// Error names the circuit, its state, and what opened it: the cause, or the reason
// that was given to Isolate or Trip. It does not change as time passes; see RetryAfter.
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
		msg += ": opened by: " + e.Cause.Error()
	}
	return msg
}

// given reports whether a reason was given by hand.
func given(reason string) bool {
	switch reason {
	case "", ReasonFailures, ReasonFailureRate, ReasonSlowRate, ReasonProbeFailed, ReasonProbeSlow, ReasonNoVerdict:
		return false
	}
	return true
}

// Is reports whether target is [ErrOpen] or [policy.ErrRejected].
func (e *OpenError) Is(target error) bool {
	return target == ErrOpen || target == policy.ErrRejected
}

// RetryAfter returns how long, from now, until an open circuit lets a probe through,
// and 0 if it may already. A half-open circuit cannot know when a permit comes back:
// its answer is a polite interval, RecoveryTimeout/16 within 10 ms and 1 s. Of an
// isolated circuit it is 0.
func (e *OpenError) RetryAfter() time.Duration {
	switch {
	case e == nil || e.gen == nil:
		return 0
	case e.State == HalfOpen:
		return e.gen.rules.politely()
	}
	return e.gen.remaining(e.gen.circuit.time.Now())
}
