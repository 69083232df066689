package breaker

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ductile-go/ductile/internal/logvalue"
	"github.com/ductile-go/ductile/policy"
)

// State is what a circuit does with calls.
type State uint8

const (
	// Closed admits every call and counts how they end.
	Closed State = iota
	// Open refuses every call until the recovery timeout has elapsed.
	Open
	// HalfOpen admits a few probes at a time.
	HalfOpen
	// Isolated refuses every call until Reset.
	Isolated
)

// String returns "closed", "open", "half-open" or "isolated".
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case Open:
		return "open"
	case HalfOpen:
		return "half-open"
	case Isolated:
		return "isolated"
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// MarshalText returns what String does, for logs and JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Counts is what the current state judges by. In a window they are the window's
// totals as of now. Without one, Failures is the number of failures in a row
// and successes are not counted. Half-open counts its probes. Rejected counts
// the calls that this state refused.
type Counts struct {
	Successes, Failures, Slow, Ignored, Rejected int64
}

// LogValue returns the counts that are not zero.
func (c Counts) LogValue() slog.Value {
	return logvalue.Group(
		slog.Int64("successes", c.Successes),
		slog.Int64("failures", c.Failures),
		slog.Int64("slow", c.Slow),
		slog.Int64("ignored", c.Ignored),
		slog.Int64("rejected", c.Rejected),
	)
}

// Snapshot is a circuit at one moment.
type Snapshot struct {
	Name       string
	State      State
	Counts     Counts
	RetryAfter time.Duration // until an open circuit lets a probe through; else 0
	Since      time.Time     // when the state was entered
	Cause      error         // what opened an open circuit, if a call did
}

// LogValue returns the fields that are not zero, and the state.
func (s Snapshot) LogValue() slog.Value {
	return logvalue.Group(
		slog.String("name", s.Name),
		slog.String("state", s.State.String()),
		slog.Attr{Key: "counts", Value: s.Counts.LogValue()},
		slog.Duration("retry_after", s.RetryAfter),
		slog.Time("since", s.Since),
		slog.Any("cause", s.Cause),
	)
}

// Transition is one move of a circuit.
type Transition struct {
	Name     string
	From, To State
	At       time.Time
	Counts   Counts // what the state that was left had counted
	Cause    error  // the error of the call that caused it, if a failed call did
}

// LogValue returns the fields that are not zero, and the states.
func (t Transition) LogValue() slog.Value {
	return logvalue.Group(
		slog.String("name", t.Name),
		slog.String("from", t.From.String()),
		slog.String("to", t.To.String()),
		slog.Time("at", t.At),
		slog.Attr{Key: "counts", Value: t.Counts.LogValue()},
		slog.Any("cause", t.Cause),
	)
}

// ErrOpen is matched by the error of every call that a circuit refused, in
// whatever state it did. Such an error matches [policy.ErrRejected] too.
var ErrOpen = errors.New("breaker: circuit open")

// OpenError says that a circuit refused a call. It matches [ErrOpen] and
// [policy.ErrRejected]. Calls refused by the same state share one value.
type OpenError struct {
	Name  string
	State State // Open, Isolated, or HalfOpen when all its permits are out
	Cause error // what opened the circuit, if a call did, this one's or another; not matched by errors.Is

	gen *generation
}

// Error names the circuit, its state, and what opened it.
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
	if e.State == Open {
		msg += fmt.Sprintf(", retry after %v", e.RetryAfter().Round(time.Millisecond))
	}
	if e.Cause != nil {
		msg += ": opened by: " + e.Cause.Error()
	}
	return msg
}

// Is reports whether target is [ErrOpen] or [policy.ErrRejected].
func (e *OpenError) Is(target error) bool {
	return target == ErrOpen || target == policy.ErrRejected
}

// RetryAfter returns how long, from now, until the circuit lets a probe
// through; 0 if it may already, or if no time for it is known.
func (e *OpenError) RetryAfter() time.Duration {
	if e == nil || e.gen == nil {
		return 0
	}
	return e.gen.remaining(e.gen.circuit.now())
}
