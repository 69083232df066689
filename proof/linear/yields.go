//go:build !ductile_explore

package linear

// where says what yields beside the clock.
const where = ""

func betweenAtomics(func()) {}
