package bulkhead

import (
	"errors"
	"fmt"

	"github.com/ductile-go/ductile/internal/gate"
	"github.com/ductile-go/ductile/policy"
)

// ErrFull matches the error of every call that a gate refused.
var ErrFull = errors.New("bulkhead: full")

// The reasons of a refusal, as the Reason of a [policy.Rejected] event.
const (
	ReasonQueueFull   = "queue_full"  // all places were in use and the queue was full
	ReasonMaxWait     = "max_wait"    // MaxWait or Delay ended the wait
	ReasonDisplaced   = "displaced"   // a call of a higher priority took its place in the queue
	ReasonSpeculative = "speculative" // an extra attempt of a hedge, which must not wait
	ReasonCanceled    = "canceled"    // the caller's context was cancelled during the wait
	ReasonDeadline    = "deadline"    // the caller's deadline passed during the wait
)

// FullError is the error of a call that a gate refused: no place was free on arrival or
// within the allowed wait. It matches [ErrFull] and [policy.ErrRejected]. Calls that are
// refused under the same limit share one value. It has no RetryAfter method, because the
// gate does not know when a place will be free.
type FullError struct {
	Name     string // of the gate
	Limit    int    // in force when the call was refused
	MaxQueue int
}

// Error returns a message with the gate's name and bounds.
func (e *FullError) Error() string {
	if e == nil {
		return "<nil>"
	}
	return fmt.Sprintf("bulkhead: gate%s is full: Limit is %d and MaxQueue %d", gate.Quoted(e.Name), e.Limit, e.MaxQueue)
}

// Is reports whether target is [ErrFull] or [policy.ErrRejected].
func (e *FullError) Is(target error) bool {
	return target == ErrFull || target == policy.ErrRejected
}
