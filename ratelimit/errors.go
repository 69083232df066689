package ratelimit

import (
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/policy"
)

var (
	// ErrExceeded is matched by the error of every call that a limiter refused because
	// its tokens were not there in time. Such an error matches [policy.ErrRejected] too.
	ErrExceeded = errors.New("ratelimit: rate exceeded")
	// ErrCost is matched by the error of a call that asked for more tokens than Burst:
	// it would never get them. It matches [policy.ErrRejected], and has no RetryAfter.
	ErrCost error = &costError{}
)

// ExceededError says that a limiter refused a call. It matches [ErrExceeded] and
// [policy.ErrRejected]. Refused calls that asked for one token share one value.
type ExceededError struct {
	Name string // the limiter's

	limiter *Limiter
	tokens  int
}

// Error names the limiter. It does not change as time passes; see RetryAfter.
func (e *ExceededError) Error() string {
	switch {
	case e == nil:
		return "<nil>"
	case e.Name == "":
		return "ratelimit: rate exceeded"
	}
	return fmt.Sprintf("ratelimit: rate of %q exceeded", e.Name)
}

// Is reports whether target is [ErrExceeded] or [policy.ErrRejected].
func (e *ExceededError) Is(target error) bool {
	return target == ErrExceeded || target == policy.ErrRejected
}

// RetryAfter returns how long, from now, until the limiter has the tokens that the call
// asked for, if no other call takes them, and 0 if they are there. It asks the limiter
// each time.
func (e *ExceededError) RetryAfter() time.Duration {
	if e == nil || e.limiter == nil {
		return 0
	}
	return e.limiter.due(max(1, e.tokens))
}

// costError is the error of a call that asked for more than Burst. The zero costError is
// ErrCost.
type costError struct {
	name          string
	tokens, burst int
}

func (e *costError) Error() string {
	if e.tokens == 0 {
		return "ratelimit: cost exceeds Burst"
	}
	of := ""
	if e.name != "" {
		of = fmt.Sprintf(" of %q", e.name)
	}
	return fmt.Sprintf("ratelimit: cost is %d, want at most Burst%s, %d: raise Burst or ask for less", e.tokens, of, e.burst)
}

func (e *costError) Is(target error) bool {
	return target == ErrCost || target == policy.ErrRejected
}

// leftError is the error of a call whose context ended while it waited.
type leftError struct{ ended error }

func (e *leftError) Error() string   { return "ratelimit: left the queue: " + e.ended.Error() }
func (e *leftError) Unwrap() []error { return []error{policy.ErrRejected, e.ended} }
