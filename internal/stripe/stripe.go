//go:build !ductile_explore

package stripe

// Width returns how many stripes there are use for, a power of two, and 0 on one
// processor.
func Width() int { return width() }

// Mine returns the stripe of this goroutine, of n; n must be a power of two.
func Mine(n int) int { return mine(n) }
