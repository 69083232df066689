package bulkhead

import (
	"github.com/ductile-go/ductile/internal/stripe"
)

// spread is a gate's free places, put into cells so that two cores seldom write the same
// cache line. A place goes back to the cell it was taken from.
//
// There are cells only while places are easy to come by. The call that finds all of them
// empty shuts them and gathers what is left in the gate's main cell. There, "full" is one
// load, and so it is a moment; the cells of a spread are never all looked at in one. And
// there queues form: nobody waits at a gate that is spread, so its Release need not look.
type spread struct{ cells []cell }

const (
	perCell = 8 // places of the limit for each cell; with fewer, calls would often search
	// A gate is spread if at least one in minFree of its places is free. With no such
	// bound, a gate about to be full would be spread and gathered in turn.
	minFree = 4
)

// mine returns the cell of this goroutine.
func (s *spread) mine() *cell { return &s.cells[stripe.Mine(len(s.cells))] }

// take takes a place from any cell, this goroutine's first, or returns nil.
func (s *spread) take() *cell {
	at := stripe.Mine(len(s.cells))
	for i := range s.cells {
		if c := &s.cells[(at+i)&(len(s.cells)-1)]; c.take() {
			return c
		}
	}
	return nil
}

// free returns the number of free places, and whether there was a moment with just as
// many. If a cell has the same word at two looks, nothing happened to it in between: a
// take counts, and a place that goes back without one is one more. So if all have, the
// time between the two looks is such a moment.
func (s *spread) free() (n int64, moment bool) {
	var seen [stripe.Most]int64
	for look := 0; look < 5 && !moment; look++ {
		n, moment = 0, look > 0
		for i := range s.cells {
			w := s.cells[i].word.Load()
			moment = moment && w == seen[i]
			seen[i] = w
			n += places(w)
		}
	}
	return n, moment
}

func (s *spread) admitted() (n int64) {
	for i := range s.cells {
		n += s.cells[i].admitted()
	}
	return n
}

// spreads reports whether the limit has enough places for all cells.
func (g *Gate) spreads() bool { return g.width > 0 && g.limit.Load() >= perCell*g.width }

// spreadOut puts the free places into cells, if that is worthwhile, and reports whether
// it did. It is called by a goroutine that collided with another over the main cell.
func (g *Gate) spreadOut() bool {
	if !g.spreads() || places(g.main.word.Load()) < g.limit.Load()/minFree {
		return false
	}
	s := &spread{make([]cell, g.width)}
	g.mu.Lock()
	defer g.mu.Unlock()
	// Looked at again under the lock: another may have spread it or lowered the limit, and
	// calls may wait.
	if g.spread.Load() != nil || g.queue.n > 0 || !g.spreads() {
		return false
	}
	var free int64
	for {
		w := g.main.word.Load()
		if free = places(w); free < g.limit.Load()/minFree {
			return false
		}
		// The main cell is shut from the swap on. A caller that finds it shut and no cells
		// yet waits for the lock.
		if g.main.word.CompareAndSwap(w, w-free-shut) {
			break
		}
	}
	s.add(free)
	g.spread.Store(s)
	return true
}

// add distributes places over the cells, none of which is shut.
func (s *spread) add(n int64) {
	width := int64(len(s.cells))
	for i := range s.cells {
		share := n / width
		if int64(i) < n%width {
			share++
		}
		if share > 0 {
			s.cells[i].word.Add(share)
		}
	}
}

// gather puts what is free in cells back into the main cell. It needs mu.
//
// A cell is shut before its places are counted: a take that looked at it before fails,
// and a place that goes back later finds it shut and goes on to the main cell.
func (g *Gate) gather() {
	s := g.spread.Load()
	if s == nil {
		return
	}
	var free int64
	for i := range s.cells {
		free += s.cells[i].shutDown()
	}
	g.gathered += s.admitted()
	g.spread.Store(nil)
	g.main.word.Add(free + shut)
}
