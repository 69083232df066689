package adaptive

import (
	"log/slog"

	"github.com/ductile-go/ductile/internal/logvalue"
)

// Snapshot is the state of a limiter at one moment. While calls run on several cores,
// InUse and Admitted of a limiter that is far from full may be from slightly different
// moments.
type Snapshot struct {
	Name     string `json:"name,omitempty"`
	Limit    int    `json:"limit"`              // in force
	InUse    int    `json:"in_use"`             // may exceed Limit after it was lowered
	Waiting  int    `json:"waiting"`            // calls in the queue
	Admitted int64  `json:"admitted,omitempty"` // calls admitted so far, at once or after a wait
	Rejected int64  `json:"rejected,omitempty"` // calls refused so far, on arrival or in the queue; not calls whose context ended
	// Pinned reports that the limit is Min and the last window was still over Target. Then
	// Target is less than the dependency needs without load, or other clients alone send
	// more than it can serve. It is false without Target.
	Pinned bool `json:"pinned,omitempty"`
}

// Snapshot returns the limiter's current state and its counters.
func (l *Limiter) Snapshot() Snapshot {
	s := l.gate.Snapshot()
	return Snapshot{
		Name: s.Name, Limit: s.Limit, InUse: s.InUse, Waiting: s.Waiting,
		Admitted: s.Admitted, Rejected: s.Rejected, Pinned: l.pinned.Load(),
	}
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
		slog.Bool("pinned", s.Pinned),
	)
}
