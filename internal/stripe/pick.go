// Package stripe assigns goroutines to stripes of a data structure, so that two cores
// seldom write the same cache line.
package stripe

import (
	"math/bits"
	"runtime"
	"unsafe"
)

// Most is the maximum number of stripes. A reader of the whole structure visits all of
// them.
const Most = 32

func width() int {
	// Four per processor: with one stripe per processor, two goroutines would often share
	// one.
	if n := min(Most, 4<<bits.Len(uint(runtime.GOMAXPROCS(0)-1))); n > 4 {
		return n
	}
	return 0
}

// mine identifies a goroutine by its stack, because a goroutine or processor ID is not
// cheaply available. It hashes the address of a local variable. Any stripe is correct; a
// bad choice is only slower.
func mine(n int) int {
	var local byte
	where := uint64(uintptr(unsafe.Pointer(&local))) >> 11 // the smallest stack is 2 KiB
	mixed := where * 0x9E3779B97F4A7C15                    // Fibonacci hashing: Knuth, TAOCP vol. 3, 6.4
	return int(mixed >> 32 & uint64(n-1))
}
