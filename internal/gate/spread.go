package gate

import (
	"github.com/ductile-go/ductile/internal/stripe"
)

// spread holds a gate's free places in several cells, so that two cores seldom write the
// same cache line. A place is returned to the cell from which it was taken.
//
// Cells exist only while free places are plentiful. A call that finds all cells empty
// shuts them and gathers the rest in the gate's main cell. There, fullness is one load
// and so refers to one moment; several cells can never be read in one moment. Queues form
// only at the main cell: no call waits at a spread gate, so a release there need not look
// for waiters.
type spread struct{ cells []Cell }

const (
	perCell = 8 // places per cell, at least; with fewer, calls would often search other cells
	// A gate is spread if at least 1/minFree of its places are free. Without this bound, a
	// nearly full gate would be spread and gathered over and over.
	minFree = 4
)

// mine returns the cell of this goroutine.
func (s *spread) mine() *Cell { return &s.cells[stripe.Mine(len(s.cells))] }

// take takes a place from any cell, this goroutine's cell first, and returns how many are
// left in it. It returns nil if all are empty.
func (s *spread) take() (c *Cell, left int64) {
	at := stripe.Mine(len(s.cells))
	for i := range s.cells {
		c = &s.cells[(at+i)&(len(s.cells)-1)]
		if ok, left := c.take(); ok {
			return c, left
		}
	}
	return nil, 0
}

// free returns the number of free places, and whether it was exact at one moment. If a
// cell has the same word at two looks, nothing happened to it in between: a take raises
// the count, and a returned place alone raises the number of places. So if all cells have
// the same words, the time between the two looks is such a moment.
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

// spreads reports whether the limit is large enough for cells.
func (g *Gate) spreads() bool { return g.width > 0 && g.limit.Load() >= perCell*g.width }

// spreadOut moves the free places into cells if that is worthwhile, and reports whether
// it did. It is called after a collision on the main cell.
func (g *Gate) spreadOut() bool {
	if !g.spreads() || places(g.main.word.Load()) < g.limit.Load()/minFree {
		return false
	}
	s := &spread{make([]Cell, g.width)}
	g.mu.Lock()
	defer g.mu.Unlock()
	// Check again under the lock: another goroutine may have spread the gate or lowered
	// the limit, and calls may wait.
	if g.spread.Load() != nil || g.queue.n > 0 || !g.spreads() {
		return false
	}
	var free int64
	for {
		w := g.main.word.Load()
		if free = places(w); free < g.limit.Load()/minFree {
			return false
		}
		// The main cell is shut from this swap on. A caller that finds it shut and no cells
		// yet waits for the lock.
		if g.main.word.CompareAndSwap(w, w-free-shut) {
			break
		}
	}
	s.add(free)
	g.spread.Store(s)
	return true
}

// add distributes places over the cells. No cell is shut.
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

// gather moves the free places of the cells back to the main cell. The caller holds mu.
//
// A cell is shut before its places are counted: a take that read the word before fails,
// and a place returned later finds the cell shut and goes to the main cell.
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
