// Package stripe spreads goroutines over parts of a whole, so that two cores seldom
// write the same cache line.
package stripe

import (
	"math/bits"
	"runtime"
	"unsafe"
)

// Most is how many stripes there are at most: who looks at the whole visits all.
const Most = 32

func width() int {
	// Four for each processor: with as many stripes as processors, two goroutines would
	// often share one.
	if n := min(Most, 4<<bits.Len(uint(runtime.GOMAXPROCS(0)-1))); n > 4 {
		return n
	}
	return 0
}

// mine has no cheap name for a goroutine or a processor, but every goroutine has its own
// stack: the address of a local variable tells two of them apart, and mixed, spreads
// them. Any stripe is right; a bad choice is only slower.
func mine(n int) int {
	var local byte
	where := uint64(uintptr(unsafe.Pointer(&local))) >> 11 // the smallest stack is 2 KiB
	mixed := where * 0x9E3779B97F4A7C15                    // Fibonacci hashing: Knuth, TAOCP vol. 3, 6.4
	return int(mixed >> 32 & uint64(n-1))
}
