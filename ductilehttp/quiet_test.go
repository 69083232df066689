package ductilehttp_test

import (
	"io"
	"log"
	"runtime"
	"testing"
)

var quiet = log.New(io.Discard, "", 0)

// eventually gives other goroutines their turn until cond holds.
func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	for range 10_000_000 {
		if cond() {
			return
		}
		runtime.Gosched()
	}
	t.Fatal("never came true")
}
