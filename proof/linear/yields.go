//go:build !ductile_explore

package linear

// where is what yields besides the clock, for the report.
const where = ""

// stops is the number of stops of a phase at which a client may be held.
const stops = 24

func betweenAtomics(func()) {}
