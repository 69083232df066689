package ductilehttp_test

import (
	"io"
	"log"
	"runtime"
	"testing"
)

var quiet = log.New(io.Discard, "", 0)

// eventually yields to other goroutines until cond holds.
func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	for range 10_000_000 {
		if cond() {
			return
		}
		runtime.Gosched()
	}
	t.Fatal("the condition never held")
}
