//go:build ductile_explore

package stripe

// Forced, if not 0, is the width, and Pick, if not nil, chooses the stripe. They are for
// a scheduler that runs a program again and again: the addresses of stacks differ.
var (
	Forced int
	Pick   func(n int) int
)

// Width returns how many stripes there are use for.
func Width() int {
	if Forced > 0 {
		return Forced
	}
	return width()
}

// Mine returns the stripe of this goroutine, of n.
func Mine(n int) int {
	if Pick != nil {
		return Pick(n)
	}
	return mine(n)
}
