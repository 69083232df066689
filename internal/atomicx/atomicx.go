//go:build !ductile_explore

// Package atomicx is sync/atomic under another name: the same types, so that
// they cost what those cost. Built with the tag ductile_explore they are types
// that let a scheduler in before each operation, and proof/explore goes through
// the interleavings of the code that uses them.
package atomicx

import "sync/atomic"

type (
	// Bool is atomic.Bool.
	Bool = atomic.Bool
	// Int32 is atomic.Int32.
	Int32 = atomic.Int32
	// Int64 is atomic.Int64.
	Int64 = atomic.Int64
	// Uint32 is atomic.Uint32.
	Uint32 = atomic.Uint32
	// Uint64 is atomic.Uint64.
	Uint64 = atomic.Uint64
	// Pointer is atomic.Pointer.
	Pointer[T any] = atomic.Pointer[T]
)
