package breaker

import (
	"log"
	"runtime/debug"
)

// tell hands OnStateChange every move that it has not heard of, in order. Each
// generation knows its successor, and one goroutine at a time walks that list.
// Whoever moves the circuit while another walks leaves the telling to it.
//
// The walker lets go of the flag and then looks once more: a mover that found
// the flag taken had stored its successor before, so one of the two sees it.
func (c *Circuit) tell() {
	for c.telling.CompareAndSwap(false, true) {
		if last := c.tellPending(); last.next.Load() == nil {
			return
		}
	}
}

func (c *Circuit) tellPending() (last *generation) {
	finished := false
	defer func() {
		last = c.told
		c.telling.Store(false)
		if !finished { // OnStateChange ended its goroutine: tell the rest on the way
			c.tell()
		}
	}()
	for {
		next := c.told.next.Load()
		if next == nil {
			finished = true
			return
		}
		c.told.next.Store(nil) // or a permit held for long would hold every later state
		c.told = next
		if next.told != nil {
			c.notify(*next.told)
		}
	}
}

// notify calls OnStateChange. A panic in a listener must neither turn the
// result of a call that went well into a panic nor wedge the circuit; it is
// logged, as net/http logs those of handlers.
func (c *Circuit) notify(t Transition) {
	defer func() {
		if r := recover(); r != nil {
			log.Printf("breaker: OnStateChange of circuit %q panicked: %v\n%s", c.name, r, debug.Stack())
		}
	}()
	c.rare.OnStateChange(t)
}
