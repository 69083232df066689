//go:build ductile_explore

package linear

import "github.com/ductile-go/ductile/internal/atomicx"

// where says what yields beside the clock.
const where = ", with yields between atomic operations"

// stops is how many stops of a phase one may be held up at.
const stops = 100

// betweenAtomics has yield called before each atomic operation of a circuit.
func betweenAtomics(yield func()) {
	atomicx.Hook = func(any, bool) { yield() }
}
