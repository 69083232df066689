// Package counter counts events that many goroutines report at the same time.
package counter

import (
	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/stripe"
)

// Counter is a counter that any number of goroutines increment. No increment is lost:
// once all increments have returned, Load returns their exact number. The zero Counter is
// 0.
//
// It starts as one word, so that an uncontended counter stays small. The first increment
// that collides with another adds several cells, each on its own cache line, for groups
// of goroutines. From then on two cores seldom write the same line. The idea is from
// java.util.concurrent's LongAdder.
type Counter struct {
	base  atomic.Int64
	cells atomic.Pointer[[]cell]
}

// cell fills a cache line, so that writes to two cells do not contend.
type cell struct {
	n atomic.Int64
	_ [56]byte
}

// Inc adds 1. It returns the new value of the word that it incremented; that value starts
// at 1, but is not the sum.
func (c *Counter) Inc() int64 {
	if cells := c.cells.Load(); cells != nil {
		return mine(*cells).n.Add(1)
	}
	// Not Add: it always succeeds and would not reveal contention.
	n := c.base.Load() + 1
	if c.base.CompareAndSwap(n-1, n) {
		return n
	}
	return c.collide()
}

// collide continues Inc after a failed compare-and-swap.
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

// mine returns this goroutine's cell.
func mine(cells []cell) *cell { return &cells[stripe.Mine(len(cells))] }
