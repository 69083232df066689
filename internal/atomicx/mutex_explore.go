//go:build ductile_explore

package atomicx

import "sync"

// Await, if not nil, is called by a goroutine that finds a Mutex held, with the mutex and
// the condition to wait for. A scheduler that runs one goroutine at a time sets it
// together with Hook, so that it can pause a goroutine inside a critical section: a
// goroutine blocked in a sync.Mutex would block the scheduler.
var Await func(at any, ready func() bool)

// Mutex is sync.Mutex with a call of Hook before Lock and Unlock.
type Mutex struct {
	mu   sync.Mutex
	held bool // used only while Await is set, under the scheduler
}

// Lock locks m.
func (m *Mutex) Lock() {
	for write(m); Await != nil; write(m) {
		if !m.held { // no other goroutine has run since write
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
