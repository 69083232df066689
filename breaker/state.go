package breaker

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/ductile-go/ductile/internal/logvalue"
)

// State is what a circuit does with calls. The zero State is Closed.
type State uint8

const (
	// Closed admits every call and counts how it ends.
	Closed State = iota
	// Open refuses every call until the recovery timeout has elapsed.
	Open
	// HalfOpen admits a few probes at a time.
	HalfOpen
	// Isolated refuses every call until Reset.
	Isolated
)

var states = [...]string{Closed: "closed", Open: "open", HalfOpen: "half-open", Isolated: "isolated"}

// String returns "closed", "open", "half-open" or "isolated".
func (s State) String() string {
	if int(s) < len(states) {
		return states[s]
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// MarshalText returns the text that String returns, for logs and JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts the texts of the four states, and returns an error for any other.
func (s *State) UnmarshalText(text []byte) error {
	for i, name := range states {
		if string(text) == name {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("breaker: State is %q, want closed, open, half-open or isolated", text)
}

// Counts is what the current state judges by. With a window, it is the window's totals as
// of now; a call that its caller gave up after SlowCall is in Slow and in Successes. Without
// a window, Failures is the number of failures in a row, and successes are not counted.
// Half-open counts its probes. Rejected counts the calls that this state refused, or that
// it would have refused in shadow.
type Counts struct {
	Successes int64 `json:"successes,omitempty"`
	Failures  int64 `json:"failures,omitempty"`
	Slow      int64 `json:"slow,omitempty"`
	Ignored   int64 `json:"ignored,omitempty"`
	Rejected  int64 `json:"rejected,omitempty"`
}

// LogValue returns a group of the counts that are not zero.
func (c Counts) LogValue() slog.Value {
	return logvalue.Group(
		slog.Int64("successes", c.Successes),
		slog.Int64("failures", c.Failures),
		slog.Int64("slow", c.Slow),
		slog.Int64("ignored", c.Ignored),
		slog.Int64("rejected", c.Rejected),
	)
}

// Snapshot is a circuit at one moment. In JSON, the cause is its text and durations are in
// nanoseconds.
type Snapshot struct {
	Name  string `json:"name,omitempty"`
	State State  `json:"state"`
	// Counts is what the state judges by. An open circuit shows the counts that opened it,
	// if a call did, and in Rejected the calls that it has refused since.
	Counts     Counts        `json:"counts,omitzero"`
	RetryAfter time.Duration `json:"retry_after,omitempty"` // until an open circuit admits a probe; otherwise 0
	Since      time.Time     `json:"since,omitzero"`        // when the state was entered
	// Cause is the error of the last failure since the circuit was closed. In an open or
	// half-open circuit, it is the error of the call that opened it, or nil.
	Cause  error  `json:"-"`
	Reason string `json:"reason,omitempty"` // of the move to this state; see Transition. Empty for a new circuit
	Shadow bool   `json:"shadow,omitempty"` // Config.Shadow is set
	// Probes is how many permits of a half-open circuit are out: calls in flight that its
	// verdict may wait for.
	Probes int `json:"probes,omitempty"`
}

// LogValue returns a group of the state and the fields that are not zero.
func (s Snapshot) LogValue() slog.Value {
	return logvalue.Group(
		slog.String("name", s.Name),
		slog.String("state", s.State.String()),
		slog.Attr{Key: "counts", Value: s.Counts.LogValue()},
		slog.Duration("retry_after", s.RetryAfter),
		slog.Time("since", s.Since),
		slog.String("reason", s.Reason),
		slog.Any("cause", s.Cause),
		slog.Int("probes", s.Probes),
		slog.Bool("shadow", s.Shadow),
	)
}
