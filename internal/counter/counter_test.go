package counter

import (
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLoadCountsEveryIncrement(t *testing.T) {
	const goroutines, each = 64, 2000
	var c Counter
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for i := range each {
				c.Inc()
				if i%100 == 0 {
					_ = c.Load()
				}
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, goroutines*each, c.Load())
}

func TestACounterStaysOneWordUntilACollision(t *testing.T) {
	var c Counter
	for n := range int64(1000) {
		assert.Equal(t, n+1, c.Inc())
	}
	assert.Nil(t, c.cells.Load())
	assert.Zero(t, testing.AllocsPerRun(100, func() { c.Inc() }))
}

// A collision cannot be forced, so the test calls collide directly.
func TestACollisionAddsCellsAndLosesNothing(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	var c Counter
	c.Inc()
	c.collide()
	first := c.cells.Load()
	assert.Len(t, *first, 8)
	c.collide()
	assert.Same(t, first, c.cells.Load(), "a second collision keeps the cells")
	c.Inc()
	assert.EqualValues(t, 4, c.Load())
	assert.EqualValues(t, 1, c.base.Load())
}

func TestOneProcessorNeedsNoCells(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var c Counter
	c.collide()
	assert.Nil(t, c.cells.Load())
	assert.EqualValues(t, 1, c.Load())
}

func BenchmarkInc(b *testing.B) {
	b.Run("serial", func(b *testing.B) {
		b.ReportAllocs()
		var c Counter
		for b.Loop() {
			c.Inc()
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		var c Counter
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				c.Inc()
			}
		})
	})
}
