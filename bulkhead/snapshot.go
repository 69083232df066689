package bulkhead

import (
	"log/slog"

	"github.com/ductile-go/ductile/internal/logvalue"
)

// Snapshot is a gate at one moment. While calls come and go on several cores, InUse and
// Admitted of a gate that is far from full may be those of moments close to each other.
type Snapshot struct {
	Name     string `json:"name,omitempty"`
	Limit    int    `json:"limit"`
	InUse    int    `json:"in_use"`             // more than Limit after it was lowered
	Waiting  int    `json:"waiting"`            // calls in the queue
	Admitted int64  `json:"admitted,omitempty"` // calls let in so far, at once or after a wait
	Rejected int64  `json:"rejected,omitempty"` // calls refused so far, on arrival or in the queue; without those whose caller left
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

// Snapshot returns what the gate does now, and what it has done.
func (g *Gate) Snapshot() Snapshot {
	g.mu.Lock()
	grants := g.settle()
	limit := g.limit.Load()
	w, admitted := g.main.look() // once: calls come and go meanwhile
	free, admitted := g.freeBy(w), admitted+g.gathered
	if cells := g.spread.Load(); cells != nil {
		free, _ = cells.free()
		admitted += cells.admitted()
	}
	s := Snapshot{
		Name: g.cfg.Name, Limit: int(limit), InUse: int(limit - free), Waiting: g.queue.n,
		Admitted: admitted, Rejected: g.rejected.Load(),
	}
	g.mu.Unlock()
	grants.wake()
	return s
}

// Idle reports whether no call holds a place and none waits, so that nothing would be
// lost if the gate were dropped. It is for package keyed. Among calls that come and go it
// may return false although there was such a moment.
func (g *Gate) Idle() bool {
	g.mu.Lock()
	grants := g.settle()
	free, moment := g.freeBy(g.main.word.Load()), true
	if s := g.spread.Load(); s != nil {
		free, moment = s.free()
	}
	idle := moment && free == g.limit.Load() && g.queue.n == 0
	g.mu.Unlock()
	grants.wake()
	return idle
}

// freeBy returns the number of free places in the main cell with the word w. It needs mu.
func (g *Gate) freeBy(w int64) int64 {
	if g.queueing {
		w += shut
	}
	return places(w)
}
