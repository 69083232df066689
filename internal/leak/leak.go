// Package leak fails a package's tests if they leave a goroutine behind.
package leak

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"testing"
)

// Main runs the tests of a package, as TestMain, and exits. It counts with the
// runtime's own counter and gives goroutines that are about to end their turn.
func Main(m *testing.M) {
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
