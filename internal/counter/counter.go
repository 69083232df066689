// Package counter counts what many goroutines do at once.
package counter

import (
	"math/bits"
	"runtime"
	"unsafe"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Counter is a number that any number of goroutines add to. Nothing is lost: once
// they are quiet, Load is the sum of all that was added. The zero Counter is 0.
//
// It begins as one word, so that the many counters that nobody fights over stay
// small. The first addition that collides with another gives it a cell a cache
// line for some groups of goroutines each, and from then on two cores seldom
// write the same line. The idea is that of java.util.concurrent's LongAdder.
type Counter struct {
	base  atomic.Int64
	cells atomic.Pointer[[]cell]
}

// cell fills a cache line: on a shared one, two cores that write two cells would
// fight as over one.
type cell struct {
	n atomic.Int64
	_ [56]byte
}

// most is how many cells a counter has at most: Load has to visit them all.
const most = 32

// Inc adds 1 and returns the new value of the word that it was added to, which
// goes through every number from 1 up, but is not the sum.
func (c *Counter) Inc() int64 {
	if cells := c.cells.Load(); cells != nil {
		return pick(*cells).n.Add(1)
	}
	// Not Add: it never fails, and so would not tell that somebody else is here.
	n := c.base.Load() + 1
	if c.base.CompareAndSwap(n-1, n) {
		return n
	}
	return c.collide()
}

// collide is Inc for whom another was faster.
func (c *Counter) collide() int64 {
	cells := make([]cell, min(most, 4<<bits.Len(uint(runtime.GOMAXPROCS(0)-1))))
	if len(cells) > 4 { // else there is one processor, and more cells are no use
		c.cells.CompareAndSwap(nil, &cells)
		return pick(*c.cells.Load()).n.Add(1)
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

// pick returns the cell of this goroutine. Go has no cheap name for a goroutine
// or a processor, but every goroutine has its own stack: the address of a local
// variable tells two of them apart, and mixed, spreads them over the cells. Any
// cell is right; a bad choice is only slower.
func pick(cells []cell) *cell {
	var local byte
	where := uint64(uintptr(unsafe.Pointer(&local))) >> 11 // the smallest stack is 2 KiB
	mixed := where * 0x9E3779B97F4A7C15                    // Fibonacci hashing: Knuth, TAOCP vol. 3, 6.4
	return &cells[mixed>>32&uint64(len(cells)-1)]
}
