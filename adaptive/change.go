package adaptive

import (
	"log"
	"runtime/debug"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Change is one move of a limit.
type Change struct {
	Name string    `json:"name,omitempty"` // of the limiter
	From int       `json:"from"`
	To   int       `json:"to"`
	At   time.Time `json:"at"`
}

// changes calls a limiter's listener, once for each change and in their order.
type changes struct {
	name string

	// mu guards the fields below. Without it, two goroutines could take the same change, or
	// deliver the second change before the first. It is not held while the listener runs.
	mu      atomic.Mutex
	on      func(Change)
	pending []told
	busy    bool // a goroutine runs the listener, and will look for more
}

// told is a change, and the listener at the time.
type told struct {
	Change
	on func(Change)
}

// listen replaces the listener. The old one is called for earlier changes.
func (c *changes) listen(on func(Change)) {
	c.mu.Lock()
	c.on = on
	c.mu.Unlock()
}

// push queues a change. Changes are pushed one after another: each before the window of
// its limit is stored.
func (c *changes) push(change Change) {
	c.mu.Lock()
	if c.on != nil {
		c.pending = append(c.pending, told{change, c.on})
	}
	c.mu.Unlock()
}

// deliver calls the listener for all pending changes, unless another goroutine does.
func (c *changes) deliver() {
	for c.deliverOne() {
	}
}

// deliverOne calls the listener for one change, and reports whether there may be more.
func (c *changes) deliverOne() (more bool) {
	c.mu.Lock()
	if c.busy || len(c.pending) == 0 {
		c.mu.Unlock()
		return false
	}
	change := c.pending[0]
	c.pending = c.pending[1:]
	c.busy = true
	c.mu.Unlock()
	returned := false
	defer func() {
		c.mu.Lock()
		c.busy = false
		c.mu.Unlock()
		if !returned { // the listener called runtime.Goexit: deliver the rest before the goroutine ends
			c.deliver()
		}
	}()
	c.call(change)
	returned = true
	return true
}

// call calls the listener and logs a panic in it, as net/http logs those of handlers: it
// must not turn the success of a call into a panic of its caller.
func (c *changes) call(change told) {
	defer func() {
		if r := recover(); r != nil {
			log.Printf("adaptive: OnChange of limiter %q panicked: %v\n%s", c.name, r, debug.Stack())
		}
	}()
	change.on(change.Change)
}
