//go:build !ductile_explore

package linear

// where says what yields beside the clock.
const where = ""

// stops is how many stops of a phase one may be held up at.
const stops = 24

func betweenAtomics(func()) {}
