package bulkhead

import (
	"errors"
	"fmt"

	"github.com/ductile-go/ductile/policy"
)

// ErrFull is matched by the error of every call that a gate refused.
var ErrFull = errors.New("bulkhead: full")

// Why a gate refuses a call, as the Reason of a [policy.Rejected] event.
const (
	ReasonQueueFull   = "queue_full"  // every place was taken, and so was every place to wait
	ReasonMaxWait     = "max_wait"    // MaxWait or Delay ended its wait
	ReasonDisplaced   = "displaced"   // a call of a higher priority took its place in the queue
	ReasonSpeculative = "speculative" // an extra attempt of a hedge, which may not wait
	ReasonCanceled    = "canceled"    // the caller's context was cancelled while it waited
	ReasonDeadline    = "deadline"    // the caller's deadline passed while it waited
)

// FullError says that a gate refused a call: there was no place for it, on arrival or
// for as long as it could wait. It matches [ErrFull] and [policy.ErrRejected]. Calls that
// are refused under the same limit share one value. It has no RetryAfter method: when a
// place will be free is not known.
type FullError struct {
	Name     string // the gate's
	Limit    int    // in force when the call was refused
	MaxQueue int
}

// Error names the gate and its bounds.
func (e *FullError) Error() string {
	if e == nil {
		return "<nil>"
	}
	return fmt.Sprintf("bulkhead: gate%s is full: Limit is %d and MaxQueue %d", quoted(e.Name), e.Limit, e.MaxQueue)
}

// Is reports whether target is [ErrFull] or [policy.ErrRejected].
func (e *FullError) Is(target error) bool {
	return target == ErrFull || target == policy.ErrRejected
}

// leftError is that of a caller whose context ended while it waited. It matches
// policy.ErrRejected beside the context's error: the function did not run, so a circuit
// around the gate must not count it against the dependency.
type leftError struct {
	name string
	err  error
}

func (e *leftError) Error() string {
	return fmt.Sprintf("bulkhead: left the queue of gate%s: %v", quoted(e.name), e.err)
}

func (e *leftError) Unwrap() error        { return e.err }
func (e *leftError) Is(target error) bool { return target == policy.ErrRejected }

func quoted(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf(" %q", name)
}
