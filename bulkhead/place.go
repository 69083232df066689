package bulkhead

import (
	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Place is a place in a gate that was taken by hand, by [Gate.Acquire] or
// [Gate.TryAcquire]. The zero Place holds none. A Place must not be copied, each copy
// could release it; go vet finds copies. It may be used by several goroutines.
type Place struct {
	_    noCopy
	gate *Gate
	cell *cell
	// released is taken by the first of several Releases at the same time: two that both
	// gave the place back would make room for one call more than the limit.
	released atomic.Uint32
}

// noCopy makes go vet report copies of what has it as a field.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// Release gives the place back. The first Release counts, from whichever goroutine; later
// ones do nothing. So does a Release of the zero Place.
func (p *Place) Release() {
	if p.gate != nil && p.released.CompareAndSwap(0, 1) {
		p.gate.leave(p.cell)
	}
}
