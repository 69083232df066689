// Package yield lets other goroutines run until they have come to rest, for code that
// must not wait on a clock.
package yield

import "runtime"

// enough is how often Until yields. A goroutine that can run does so many times over
// in a million turns, also on one processor and under the race detector.
const enough = 1_000_000

// Until yields the processor until done returns true, and then returns true. It
// returns false if done has not returned true after a million yields: what done looks
// for then waits for something that does not come.
func Until(done func() bool) bool { return Times(enough, done) }

// Times is Until with n yields at most.
func Times(n int, done func() bool) bool {
	for range n {
		if done() {
			return true
		}
		runtime.Gosched()
	}
	return done()
}
