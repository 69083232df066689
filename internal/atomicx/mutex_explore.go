//go:build ductile_explore

package atomicx

import "sync"

// Await is called by a thread that finds a Mutex held, if it is not nil, with what to
// wait for. Set beside Hook, it lets a scheduler that runs one thread at a time stop a
// thread within a critical section: a thread blocked by a sync.Mutex would stop them all.
var Await func(at any, ready func() bool)

// Mutex is sync.Mutex with the hook before Lock and Unlock.
type Mutex struct {
	mu   sync.Mutex
	held bool // while Await is set, under the scheduler
}

// Lock locks m.
func (m *Mutex) Lock() {
	for write(m); Await != nil; write(m) {
		if !m.held { // nothing has run since write
			m.held = true
			return
		}
		Await(m, func() bool { return !m.held })
	}
	m.mu.Lock()
}

// Unlock unlocks m.
func (m *Mutex) Unlock() {
	write(m)
	if Await == nil {
		m.mu.Unlock()
		return
	}
	m.held = false
}
