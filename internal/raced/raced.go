// Package raced tells tests whether the race detector runs, which makes them ten to a
// hundred times as slow.
package raced

import "testing"

// Or returns all without the race detector, and less with it.
func Or[T any](less, all T) T {
	if Enabled {
		return less
	}
	return all
}

// Skip skips t if the race detector runs, and says why it should not.
func Skip(t testing.TB, why string) {
	t.Helper()
	if Enabled {
		t.Skip("not under the race detector: " + why)
	}
}
