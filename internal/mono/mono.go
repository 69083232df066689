// Package mono reads the monotonic clock.
package mono

import "time"

// epoch is when the process's monotonic time begins for this package. time.Since
// of a fixed time reads the monotonic clock alone, which takes about half as long
// as time.Now.
var epoch = time.Now().Add(-1)

// Now returns the nanoseconds since epoch. Callers use 0 for "not read": epoch lies
// just before the start of the process, so no reading is 0. In a bubble of
// testing/synctest, whose time begins in 2000, readings are negative.
func Now() int64 { return int64(time.Since(epoch)) }

// Near returns the time at which Now returned at, without reading a clock. Its wall
// clock is off by as much as the wall clock has been set since the process started.
func Near(at int64) time.Time { return epoch.Add(time.Duration(at)) }

// Time returns the time at which Now returned at. Its wall clock is derived from
// the wall clock of this moment: one derived from epoch would be wrong, in
// comparisons with times that have no monotonic reading, by as much as the wall
// clock has been set since the process started.
func Time(at int64) time.Time {
	now := time.Now()
	return now.Add(time.Duration(at) - now.Sub(epoch))
}
