//go:build ductile_explore

package linear

import "github.com/ductile-go/ductile/internal/atomicx"

// where is what yields besides the clock, for the report.
const where = ", with yields between atomic operations"

// stops is the number of stops of a phase at which a client may be held.
const stops = 100

// betweenAtomics makes a circuit call yield before each of its atomic operations.
func betweenAtomics(yield func()) {
	atomicx.Hook = func(any, bool) { yield() }
}
