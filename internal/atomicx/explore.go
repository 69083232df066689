//go:build ductile_explore

// Package atomicx is sync/atomic with a call of Hook before each operation.
package atomicx

import "sync/atomic"

// Hook, if not nil, is called before each operation with the operation's address and
// whether it may write. It is for a scheduler that runs one goroutine at a time, and is
// not synchronized.
var Hook func(at any, writes bool)

// Wrote, if not nil, is called after Hook before each operation that may write. It serves
// to count writes to shared memory.
var Wrote func()

func read(at any) {
	if Hook != nil {
		Hook(at, false)
	}
}

func write(at any) {
	if Hook != nil {
		Hook(at, true)
	}
	if Wrote != nil {
		Wrote()
	}
}

// cell has the methods common to all types of sync/atomic.
type cell[V any] interface {
	Load() V
	Store(V)
	Swap(V) V
	CompareAndSwap(old, replacement V) bool
}

// hooked wraps a type of sync/atomic and calls Hook.
type hooked[V, A any, P interface {
	*A
	cell[V]
}] struct{ a A }

func (h *hooked[V, A, P]) Load() V    { read(&h.a); return P(&h.a).Load() }
func (h *hooked[V, A, P]) Store(v V)  { write(&h.a); P(&h.a).Store(v) }
func (h *hooked[V, A, P]) Swap(v V) V { write(&h.a); return P(&h.a).Swap(v) }
func (h *hooked[V, A, P]) CompareAndSwap(old, replacement V) bool {
	write(&h.a)
	return P(&h.a).CompareAndSwap(old, replacement)
}

// counter has the methods of the numeric types.
type counter[V any] interface {
	cell[V]
	Add(V) V
	And(V) V
	Or(V) V
}

type number[V, A any, P interface {
	*A
	counter[V]
}] struct{ hooked[V, A, P] }

func (n *number[V, A, P]) Add(v V) V { write(&n.a); return P(&n.a).Add(v) }
func (n *number[V, A, P]) And(v V) V { write(&n.a); return P(&n.a).And(v) }
func (n *number[V, A, P]) Or(v V) V  { write(&n.a); return P(&n.a).Or(v) }

type (
	// Bool is atomic.Bool with the hook.
	Bool = hooked[bool, atomic.Bool, *atomic.Bool]
	// Int32 is atomic.Int32 with the hook.
	Int32 = number[int32, atomic.Int32, *atomic.Int32]
	// Int64 is atomic.Int64 with the hook.
	Int64 = number[int64, atomic.Int64, *atomic.Int64]
	// Uint32 is atomic.Uint32 with the hook.
	Uint32 = number[uint32, atomic.Uint32, *atomic.Uint32]
	// Uint64 is atomic.Uint64 with the hook.
	Uint64 = number[uint64, atomic.Uint64, *atomic.Uint64]
	// Pointer is atomic.Pointer with the hook.
	Pointer[T any] = hooked[*T, atomic.Pointer[T], *atomic.Pointer[T]]
)
