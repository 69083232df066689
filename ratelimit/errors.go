package ratelimit

import (
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/internal/refusal"
	"github.com/ductile-go/ductile/policy"
)

var (
	// ErrExceeded matches the error of every call that a limiter refused because its
	// tokens were not available in time. Such an error also matches [policy.ErrRejected].
	ErrExceeded = errors.New("ratelimit: rate exceeded")
	// ErrCost matches the error of a call that asked for more tokens than Burst, which the
	// limiter can never grant. The error also matches [policy.ErrRejected], and has no
	// RetryAfter.
	ErrCost error = &costError{}
)

// ExceededError is the error of a call that a limiter refused. It matches [ErrExceeded]
// and [policy.ErrRejected]. All refused calls for one token share one value.
type ExceededError struct {
	Name string // of the limiter

	limiter *Limiter
	tokens  int
}

// Error returns a message with the limiter's name. It does not change over time; see
// RetryAfter.
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
	return target == ErrExceeded || target == policy.ErrRejected ||
		target == refusal.ErrPassing && e != nil && e.limiter != nil
}

// RetryAfter returns the time from now until the limiter has the requested tokens, if no
// other call takes them, and 0 if it has them. Each call reads the limiter's current
// state.
func (e *ExceededError) RetryAfter() time.Duration {
	if e == nil || e.limiter == nil {
		return 0
	}
	return e.limiter.due(e.tokens)
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

// ErrorType is the name by which package observe counts the error.
func (e *costError) ErrorType() string { return "cost" }

func (e *costError) Is(target error) bool {
	return target == ErrCost || target == policy.ErrRejected
}

// leftError is the error of a call whose context ended during its wait.
type leftError struct{ ended error }

func (e *leftError) Error() string   { return "ratelimit: left the queue: " + e.ended.Error() }
func (e *leftError) Unwrap() []error { return []error{e.ended, policy.ErrRejected} }
