// Package mono reads the monotonic clock.
package mono

import "time"

// epoch is where this package's monotonic time begins. time.Since of a fixed time reads
// only the monotonic clock, which takes about half as long as time.Now.
var epoch = time.Now().Add(-1)

// Now returns the nanoseconds since epoch. Callers use 0 for "not read": epoch is just
// before the start of the process, so no reading is 0. In a testing/synctest bubble,
// where time begins in 2000, readings are negative.
func Now() int64 { return int64(time.Since(epoch)) }

// Near returns the time at which Now returned at, without reading a clock. If the wall
// clock was set since the process started, its wall clock part is wrong by as much.
func Near(at int64) time.Time { return epoch.Add(time.Duration(at)) }

// Time returns the time at which Now returned at. Its wall clock part comes from the
// current wall clock. If it came from epoch, it would miss every change of the wall
// clock since the process started, and comparing it with a time that has no monotonic
// reading would be wrong.
func Time(at int64) time.Time {
	now := time.Now()
	return now.Add(time.Duration(at) - now.Sub(epoch))
}
