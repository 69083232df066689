// Package counter counts events that many goroutines report at the same time.
package counter

import (
	"math/bits"
	"runtime"
	"unsafe"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
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

// most is the largest number of cells: Load has to read them all.
const most = 32

// Inc adds 1. It returns the new value of the word that it incremented, which counts up
// from 1 but is not the sum.
func (c *Counter) Inc() int64 {
	if cells := c.cells.Load(); cells != nil {
		return pick(*cells).n.Add(1)
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
	cells := make([]cell, min(most, 4<<bits.Len(uint(runtime.GOMAXPROCS(0)-1))))
	if len(cells) > 4 { // with one processor, cells do not help
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

// pick returns a cell for this goroutine. Go has no cheap identifier of a goroutine or
// a processor. But each goroutine has its own stack, so the hashed address of a local
// variable spreads goroutines over the cells. Any cell is correct; a bad choice is only
// slower.
func pick(cells []cell) *cell {
	var local byte
	where := uint64(uintptr(unsafe.Pointer(&local))) >> 11 // the smallest stack is 2 KiB
	mixed := where * 0x9E3779B97F4A7C15                    // Fibonacci hashing: Knuth, TAOCP vol. 3, 6.4
	return &cells[mixed>>32&uint64(len(cells)-1)]
}
