package adaptive

import (
	"errors"
	"fmt"

	"github.com/ductile-go/ductile/internal/gate"
	"github.com/ductile-go/ductile/policy"
)

// ErrLimited matches the error of every call that a limiter refused.
var ErrLimited = errors.New("adaptive: limited")

// LimitedError is the error of a call that a limiter refused: no place was free on arrival
// or within the allowed wait. It matches [ErrLimited] and [policy.ErrRejected]. Calls that
// are refused under the same limit share one value. It has no RetryAfter method, because
// the limiter does not know when a place will be free.
type LimitedError struct {
	Name     string // of the limiter
	Limit    int    // in force when the call was refused
	MaxQueue int
}

// Error returns a message with the limiter's name and bounds.
func (e *LimitedError) Error() string {
	if e == nil {
		return "<nil>"
	}
	return fmt.Sprintf("adaptive: limiter%s is full: its limit is %d now, and MaxQueue %d", gate.Quoted(e.Name), e.Limit, e.MaxQueue)
}

// Is reports whether target is [ErrLimited] or [policy.ErrRejected].
func (e *LimitedError) Is(target error) bool {
	return target == ErrLimited || target == policy.ErrRejected
}

// voice is how the errors and events of limiters name them.
var voice = &gate.Voice{
	Kind: kind, Noun: "limiter",
	Full: func(f *gate.Full) error { return (*LimitedError)(f) },
}
