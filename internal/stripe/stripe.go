//go:build !ductile_explore

package stripe

// Width returns the useful number of stripes, a power of two, or 0 on one processor.
func Width() int { return width() }

// Mine returns this goroutine's stripe among n. n must be a power of two.
func Mine(n int) int { return mine(n) }
