package coalesce

import (
	"log/slog"

	"github.com/ductile-go/ductile/internal/logvalue"
)

// Snapshot has the totals of a [Coalesce] and its copies, at one moment. Calls so far are
// Flights + Joined, without those that were not coalesced.
type Snapshot struct {
	Name     string `json:"name,omitempty"`
	InFlight int    `json:"in_flight,omitempty"` // flights that a call can join now
	Flights  int64  `json:"flights,omitempty"`   // flights begun so far
	Joined   int64  `json:"joined,omitempty"`    // calls so far that joined the flight of another
}

// LogValue returns the fields that are not zero.
func (s Snapshot) LogValue() slog.Value {
	return logvalue.Group(
		slog.String("name", s.Name),
		slog.Int("in_flight", s.InFlight),
		slog.Int64("flights", s.Flights),
		slog.Int64("joined", s.Joined),
	)
}

// Snapshot returns the totals.
func (c *Coalesce[K, T]) Snapshot() Snapshot {
	t := c.group.Totals()
	return Snapshot{Name: c.name, InFlight: t.Current, Flights: t.Begun, Joined: t.Joined}
}
