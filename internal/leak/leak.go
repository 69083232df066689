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

// Main runs the tests of a package and exits; call it from TestMain. It compares the
// runtime's count of goroutines before and after, and lets goroutines that are about to
// end run first.
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

// listening starts the goroutine of package os/signal, which never ends. A fuzzing run
// would otherwise start it during the tests.
func listening() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	signal.Stop(c)
}
