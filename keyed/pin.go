package keyed

import (
	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/stripe"
)

// Pin holds a value of a [Map], which is not dropped before Release. [Map.Pin] returns
// one. It belongs to one goroutine. The zero Pin holds the zero value.
type Pin[V any] struct {
	value V
	held  *atomic.Int64 // the count to take the pin from; nil if there is none
}

// Value returns the value.
func (p *Pin[V]) Value() V { return p.value }

// Release ends the use of the value. The second and later calls do nothing.
func (p *Pin[V]) Release() {
	if p.held != nil {
		p.held.Add(-1)
		p.held = nil
	}
}

// Pin returns the value of k, as Get does, and keeps it from being dropped until the Pin
// is released, even if its Idle method returns true. So a gate or a limiter that is got
// for a call is still the one of its key when the call takes its place or its token. Only
// Forget drops a pinned value. The caller must release the Pin, usually with defer.
//
// A [Policy] pins the value of each call by itself.
func (m *Map[K, V]) Pin(k K) Pin[V] {
	e, held := m.pin(k)
	return Pin[V]{value: e.value, held: held}
}

// pin returns the entry of k and the count that its pin is in, or nil for the overflow's
// entry, which is never dropped.
//
// A pin is counted before the state is read. A drop works in the opposite order: it
// writes gone and then reads the counts. So either the drop sees the pin and restores the
// member, or pin sees gone and looks again.
func (m *Map[K, V]) pin(k K) (e *entry[K, V], held *atomic.Int64) {
	for {
		e := m.get(k)
		if e.state.Load() == making {
			return e, nil
		}
		held := e.pins.add()
		if e.state.Load() == member {
			return e, held
		}
		held.Add(-1)
	}
}

// pins counts the pins of an entry. Like counter.Counter it is one word until two
// goroutines meet there. A pin is taken from the count that it was added to, so no count
// is less than the number of its pins at any time, and looking at them one by one misses
// no pin that was there before the first look.
type pins struct {
	n     atomic.Int64
	cells atomic.Pointer[[]pinCell]
}

// pinCell fills a cache line.
type pinCell struct {
	n atomic.Int64
	_ [56]byte
}

// add counts a pin, and returns the count that it is in.
func (p *pins) add() *atomic.Int64 {
	cells := p.cells.Load()
	if cells == nil {
		// Not Add, which always succeeds and would not show contention.
		n := p.n.Load()
		if p.n.CompareAndSwap(n, n+1) {
			return &p.n
		}
		if cells = p.spread(); cells == nil {
			p.n.Add(1)
			return &p.n
		}
	}
	c := &(*cells)[stripe.Mine(len(*cells))]
	c.n.Add(1)
	return &c.n
}

// spread returns the cells, or nil if there is one processor.
func (p *pins) spread() *[]pinCell {
	n := stripe.Width()
	if n == 0 {
		return nil
	}
	cells := make([]pinCell, n)
	p.cells.CompareAndSwap(nil, &cells)
	return p.cells.Load()
}

// any reports whether there is a pin. A pin in a cell that is made after the look at
// cells is counted after it, too.
func (p *pins) any() bool {
	if p.n.Load() != 0 {
		return true
	}
	if cells := p.cells.Load(); cells != nil {
		for i := range *cells {
			if (*cells)[i].n.Load() != 0 {
				return true
			}
		}
	}
	return false
}
