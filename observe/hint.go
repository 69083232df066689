//go:build !ductile_explore

package observe

import (
	"math/bits"
	"unsafe"
)

// hint returns a number below recentSize that is the same for ids made of the same strings
// in memory. It reads the addresses of the strings, because reading the strings takes
// longer. The strings of events are constants and fields of configs, so an id's hint
// seldom changes. Any hint is correct; a bad one is only slower.
func (x *id) hint() int {
	h := at(x.a) + bits.RotateLeft64(at(x.b), 13) + bits.RotateLeft64(at(x.c), 26) +
		bits.RotateLeft64(at(x.d), 39) + bits.RotateLeft64(at(x.e), 52) +
		uint64(x.kind)<<8 + uint64(x.code)
	return int(h * 0x9E3779B97F4A7C15 >> (64 - recentBits)) // Fibonacci hashing: Knuth, TAOCP vol. 3, 6.4
}

func at(s string) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.StringData(s)))) }
