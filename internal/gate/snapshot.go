package gate

// Snapshot is bulkhead.Snapshot.
type Snapshot struct {
	Name     string
	Limit    int
	InUse    int // may exceed Limit after it was lowered
	Waiting  int
	Admitted int64
	Rejected int64
}

// Snapshot returns the gate's current state and its counters.
func (g *Gate) Snapshot() Snapshot {
	g.mu.Lock()
	grants := g.settle()
	limit := g.limit.Load()
	w, admitted := g.main.look() // one load: calls start and end meanwhile
	// A call that ended after settle has returned its place and waits for the lock. Hand the
	// place over for it: otherwise a place would be shown as free while a call waits.
	for g.queue.n > 0 && g.freeBy(w) > 0 {
		grants.append(g.handOver())
		w, admitted = g.main.look()
	}
	free, admitted := g.freeBy(w), admitted+g.gathered
	if cells := g.spread.Load(); cells != nil {
		free, _ = cells.free()
		admitted += cells.admitted()
	}
	s := Snapshot{
		Name: g.name, Limit: int(limit), InUse: int(limit - free), Waiting: g.queue.n,
		Admitted: admitted, Rejected: g.rejected.Load(),
	}
	g.mu.Unlock()
	grants.wake()
	return s
}

// Idle reports whether no call holds a place or waits, so that dropping the gate would
// lose nothing. Package keyed uses it. While calls start and end, it may return false
// although the gate was idle for a moment.
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

// freeBy returns the number of free places in the main cell with the word w. The caller
// holds mu.
func (g *Gate) freeBy(w int64) int64 {
	if g.queueing {
		w += shut
	}
	return places(w)
}
