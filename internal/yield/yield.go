// Package yield lets other goroutines run until they have come to rest, for code that
// must not wait on a clock.
package yield

import "runtime"

const (
	// enough is how often Until yields. A goroutine that can run does so many times over
	// in a million turns, also on one processor and under the race detector.
	enough = 1_000_000
	// stopEvery is after how many yields Times stops the world. A goroutine whose thread
	// the system holds up does not run, however often this one yields on another
	// processor: to stop the world is to wait for that thread.
	stopEvery = 20_000
)

// Until yields the processor until done returns true, and then returns true. It
// returns false if done has not returned true after a million yields: what done looks
// for then waits for something that does not come.
func Until(done func() bool) bool { return Times(enough, done) }

// Times is Until with n yields at most.
func Times(n int, done func() bool) bool {
	for i := range n {
		if done() {
			return true
		}
		if i%stopEvery == stopEvery-1 {
			stopTheWorld()
		}
		runtime.Gosched()
	}
	return done()
}

// stopTheWorld returns once every thread that runs Go code has come to a stop. Reading the
// memory statistics does so, and takes some microseconds.
func stopTheWorld() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
}
