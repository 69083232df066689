package ratelimit

import (
	"bytes"
	"runtime"
	"strconv"

	"github.com/ductile-go/ductile/internal/mono"
)

// bubble returns the number of the goroutine's testing/synctest bubble, or 0 outside of
// bubbles. Waking a waiter from another bubble is a fatal error. Time in a bubble starts
// in 2000, so real time shows whether there is one; only a stack trace has its number.
func bubble() uint64 {
	if mono.Now() >= 0 {
		return 0
	}
	var header [128]byte
	line, _, _ := bytes.Cut(header[:runtime.Stack(header[:], false)], []byte("]"))
	_, number, _ := bytes.Cut(line, []byte("synctest bubble "))
	// With GODEBUG=tracebacklabels=1, the goroutine's labels follow.
	digits := number[:len(number)-len(bytes.TrimLeft(number, "0123456789"))]
	n, _ := strconv.ParseUint(string(digits), 10, 64)
	return n
}
