// Package leak fails a package's tests if they leave a goroutine behind.
package leak

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"testing"
)

// Main runs the tests of a package, as TestMain, and exits. It counts with the
// runtime's own counter and gives goroutines that are about to end their turn.
func Main(m *testing.M) {
	listening()
	before := runtime.NumGoroutine()
	code := m.Run()
	for range 1_000_000 {
		if runtime.NumGoroutine() <= before {
			os.Exit(code)
		}
		runtime.Gosched()
	}
	fmt.Fprintf(os.Stderr, "leak: %d goroutines, want %d as before the tests\n", runtime.NumGoroutine(), before)
	_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
	os.Exit(max(code, 1))
}

// listening starts the goroutine of package os/signal, which never ends: a run
// that fuzzes would start it later.
func listening() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	signal.Stop(c)
}
