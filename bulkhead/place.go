package bulkhead

import (
	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/gate"
)

// Place is a place in a gate, returned by [Gate.Acquire] or [Gate.TryAcquire]. The zero
// Place holds none. Do not copy a Place, because each copy could release it; go vet
// reports copies. It is safe for concurrent use.
type Place struct {
	_    noCopy
	gate *gate.Gate
	cell *gate.Cell
	// released is set by a compare-and-swap, so that of concurrent Releases only one gives
	// the place back. Two would allow one call more than the limit.
	released atomic.Uint32
}

// noCopy makes go vet report copies of structs that contain it.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// Release gives the place back. Only the first Release counts, from any goroutine; later
// ones do nothing. Release of the zero Place does nothing.
func (p *Place) Release() {
	if p.gate != nil && p.released.CompareAndSwap(0, 1) {
		p.gate.Leave(p.cell)
	}
}
