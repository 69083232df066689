package bulkhead

import (
	"log/slog"

	"github.com/ductile-go/ductile/internal/logvalue"
)

// Snapshot is the state of a gate at one moment. While calls run on several cores, InUse
// and Admitted of a gate that is far from full may be from slightly different moments.
type Snapshot struct {
	Name     string `json:"name,omitempty"`
	Limit    int    `json:"limit"`
	InUse    int    `json:"in_use"`             // may exceed Limit after it was lowered
	Waiting  int    `json:"waiting"`            // calls in the queue
	Admitted int64  `json:"admitted,omitempty"` // calls admitted so far, at once or after a wait
	Rejected int64  `json:"rejected,omitempty"` // calls refused so far, on arrival or in the queue; not calls whose context ended
}

// LogValue returns the fields that are not zero.
func (s Snapshot) LogValue() slog.Value {
	return logvalue.Group(
		slog.String("name", s.Name),
		slog.Int("limit", s.Limit),
		slog.Int("in_use", s.InUse),
		slog.Int("waiting", s.Waiting),
		slog.Int64("admitted", s.Admitted),
		slog.Int64("rejected", s.Rejected),
	)
}

// Snapshot returns the gate's current state and its counters.
func (g *Gate) Snapshot() Snapshot { return Snapshot(g.core.Snapshot()) }

// Idle reports whether no call holds a place or waits, so that dropping the gate would
// lose nothing. Package keyed uses it. While calls start and end, it may return false
// although the gate was idle for a moment.
func (g *Gate) Idle() bool { return g.core.Idle() }
