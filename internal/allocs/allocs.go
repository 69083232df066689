// Package allocs counts allocations in tests beside which other goroutines run.
package allocs

import "testing"

// Fewest returns the fewest allocations of one call of f, on average over runs of it, that
// five looks have found. testing.AllocsPerRun counts what the whole program allocates, also
// in the goroutines of an earlier test that are about to end.
func Fewest(runs int, f func()) float64 {
	fewest := testing.AllocsPerRun(runs, f)
	for range 4 {
		fewest = min(fewest, testing.AllocsPerRun(runs, f))
	}
	return fewest
}
