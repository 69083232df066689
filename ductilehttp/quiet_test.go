package ductilehttp_test

import (
	"io"
	"log"
	"testing"
	"testing/synctest"

	"github.com/ductile-go/ductile/internal/yield"
)

var quiet = log.New(io.Discard, "", 0)

// eventually yields to other goroutines until cond holds.
func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	if !yield.Times(10_000_000, cond) {
		t.Fatal("the condition never held")
	}
}

// frozen runs test in a bubble whose time stands still while a socket is waited for, as that
// of a server is all the time. So no limit of net/http's passes on a busy machine: it reuses
// a connection only if the goroutine that wrote the request says so within 50 ms.
func frozen(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}
