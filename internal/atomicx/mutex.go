//go:build !ductile_explore

package atomicx

import "sync"

// Mutex is sync.Mutex.
type Mutex = sync.Mutex
