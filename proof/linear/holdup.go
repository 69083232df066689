package linear

import "sync/atomic"

// holdUp stops one client of a phase until all others have made all their operations, or wait
// for it. A client that only yields is overtaken by an operation or two, and some faults need
// more: see the package doc.
type holdUp struct {
	at       int64        // the stop of the phase at which to hold a client; 0 is never
	stops    atomic.Int64 // so far
	finished atomic.Int64 // clients that have
	active   atomic.Bool  // while the clients of a phase run
}

// begin is called before the clients of a phase run.
func (h *holdUp) begin(at int64) {
	h.at = at
	h.stops.Store(0)
	h.finished.Store(0)
	h.active.Store(at > 0)
}

func (h *holdUp) end() { h.active.Store(false) }

// patience is how many pauses in a row may pass without a stop of another client. After that,
// the others wait for a lock that the client has which is held.
const patience = 10_000

// maybe is called at every stop, with the pause of the crew.
func (h *holdUp) maybe(pause func()) {
	if !h.active.Load() || h.stops.Add(1) != h.at {
		return
	}
	seen := h.stops.Load()
	for quiet := 0; h.finished.Load() < clients-1 && quiet < patience; quiet++ {
		pause()
		if n := h.stops.Load(); n != seen {
			seen, quiet = n, 0
		}
	}
}
