//go:build ductile_explore

package stripe

// Forced, if not 0, is the width. Pick, if not nil, chooses the stripe. They are for a
// scheduler that replays a program, in which the addresses of stacks differ between runs.
var (
	Forced int
	Pick   func(n int) int
)

// Width returns the useful number of stripes.
func Width() int {
	if Forced > 0 {
		return Forced
	}
	return width()
}

// Mine returns this goroutine's stripe among n.
func Mine(n int) int {
	if Pick != nil {
		return Pick(n)
	}
	return mine(n)
}
