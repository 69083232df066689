//go:build !ductile_explore

// Package atomicx provides the types of sync/atomic that this module uses. They are
// aliases and cost nothing. With the build tag ductile_explore they are types that call a
// scheduler before each operation, so that proof/explore can run all interleavings of the
// code.
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
