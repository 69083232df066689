package throttle

import (
	"log/slog"

	"github.com/ductile-go/ductile/internal/logvalue"
)

// Snapshot is the state of a throttle at one moment.
type Snapshot struct {
	Name string `json:"name,omitempty"`
	// Requests counts the calls of the window that succeeded, failed or were rejected by
	// the throttle; Accepts counts those that succeeded.
	Requests int64 `json:"requests"`
	Accepts  int64 `json:"accepts"`
	// Rate is the share of calls that the throttle rejects now, from 0 to MaxReject. Calls
	// of a low priority are rejected at a higher rate and others at a lower one; see
	// [Throttle.Rate].
	Rate float64 `json:"rate"`
}

// Snapshot returns the counts of the window that ends now, and the rate that follows.
func (t *Throttle) Snapshot() Snapshot {
	y := t.tally.Load()
	sum := y.sum(t.time.Now())
	return Snapshot{
		Name: t.name, Requests: sum.requests(), Accepts: sum.accepted,
		Rate: min(y.pressure(sum), y.cfg.MaxReject),
	}
}

// LogValue returns the fields that are not zero.
func (s Snapshot) LogValue() slog.Value {
	return logvalue.Group(
		slog.String("name", s.Name),
		slog.Int64("requests", s.Requests),
		slog.Int64("accepts", s.Accepts),
		slog.Float64("rate", s.Rate),
	)
}
