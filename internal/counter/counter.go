// Package counter counts events that many goroutines report at the same time.
package counter

import (
	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/stripe"
)

// Counter is a number that any number of goroutines increment. No increment is lost:
// Load returns their sum once they are done. The zero Counter is 0.
//
// It starts as one word, so that a counter without contention stays small. The first
// increment that collides with another gives it several cells, each on its own cache
// line, for groups of goroutines; from then on two cores seldom write the same line.
// The idea is from java.util.concurrent's LongAdder.
type Counter struct {
	base  atomic.Int64
	cells atomic.Pointer[[]cell]
}

// cell fills a cache line, so that writes to two cells do not contend.
type cell struct {
	n atomic.Int64
	_ [56]byte
}

// Inc adds 1. It returns the new value of the word that it incremented, which counts up
// from 1 but is not the sum.
func (c *Counter) Inc() int64 {
	if cells := c.cells.Load(); cells != nil {
		return mine(*cells).n.Add(1)
	}
	// Not Add, which always succeeds and would not show contention.
	n := c.base.Load() + 1
	if c.base.CompareAndSwap(n-1, n) {
		return n
	}
	return c.collide()
}

// collide continues Inc after another goroutine changed the word first.
func (c *Counter) collide() int64 {
	if n := stripe.Width(); n > 0 {
		cells := make([]cell, n)
		c.cells.CompareAndSwap(nil, &cells)
		return mine(*c.cells.Load()).n.Add(1)
	}
	return c.base.Add(1)
}

// Load returns the sum.
func (c *Counter) Load() int64 {
	sum := c.base.Load()
	if cells := c.cells.Load(); cells != nil {
		for i := range *cells {
			sum += (*cells)[i].n.Load()
		}
	}
	return sum
}

// mine returns the cell of this goroutine.
func mine(cells []cell) *cell { return &cells[stripe.Mine(len(cells))] }
