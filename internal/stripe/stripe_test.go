package stripe

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWidthGrowsWithProcessorsUpTo32(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for procs, want := range map[int]int{1: 0, 2: 8, 3: 16, 4: 16, 8: 32, 64: 32} {
		runtime.GOMAXPROCS(procs)
		assert.Equal(t, want, Width(), "%d processors", procs)
	}
}

func TestGoroutinesSpreadOverTheStripes(t *testing.T) {
	const goroutines, stripes = 256, 8
	at := make(chan int, goroutines)
	hold := make(chan struct{})
	for range goroutines {
		go func() {
			at <- Mine(stripes)
			<-hold // keep the stack: a freed one would be reused
		}()
	}
	seen := map[int]int{}
	for range goroutines {
		seen[<-at]++
	}
	close(hold)
	assert.Greater(t, len(seen), stripes/2)
	for s := range seen {
		assert.Less(t, s, stripes)
		assert.GreaterOrEqual(t, s, 0)
	}
}
