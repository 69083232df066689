// Package leak fails the tests of a package that leave a goroutine running.
//
// Use it in packages that start goroutines, or hand work to clocks and contexts that
// may start them:
//
//	func TestMain(m *testing.M) { leak.Main(m) }
package leak

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"testing"

	"github.com/ductile-go/ductile/internal/yield"
)

// Main runs the tests of a package and exits the process. If more goroutines run
// after the tests than before, it prints the stacks of all goroutines and exits with
// a status other than 0. Goroutines that are about to return get the time to do so.
func Main(m *testing.M) {
	startSignals()
	before := runtime.NumGoroutine()
	code := m.Run()
	if yield.Until(func() bool { return runtime.NumGoroutine() <= before }) {
		os.Exit(code)
	}
	fmt.Fprintf(os.Stderr, "leak: %d goroutines run after the tests, want %d as before them; their stacks:\n", runtime.NumGoroutine(), before)
	_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
	os.Exit(max(code, 1))
}

// startSignals starts the goroutine of package os/signal, which never returns. A
// fuzzing run would otherwise start it after Main has counted.
func startSignals() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	signal.Stop(c)
}
