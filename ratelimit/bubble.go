package ratelimit

import (
	"bytes"
	"runtime"
	"strconv"

	"github.com/ductile-go/ductile/internal/mono"
)

// bubble returns the number of the bubble of testing/synctest that the goroutine is in,
// and 0 outside. A waiter must not be woken from another bubble than its own: that is a
// fatal error. Real time says whether there is a bubble at all, since time in one begins
// in 2000; which one it is, only a stack trace says.
func bubble() uint64 {
	if mono.Now() >= 0 {
		return 0
	}
	var header [128]byte
	line, _, _ := bytes.Cut(header[:runtime.Stack(header[:], false)], []byte("]"))
	_, number, _ := bytes.Cut(line, []byte("synctest bubble "))
	number, _, _ = bytes.Cut(number, []byte(","))
	n, _ := strconv.ParseUint(string(number), 10, 64)
	return n
}
