package fake

import (
	"cmp"
	"slices"
	"time"
)

// entry is something that happens at a certain time. It has a send, a run, or both.
type entry struct {
	at    time.Duration // on Clock.elapsed
	seq   int
	halts bool                // an After on an AutoAdvance clock stops here
	fired bool                // guarded by Clock.mu
	send  func(now time.Time) // called under Clock.mu; must not block
	run   func()              // called without mu
	from  *origin             // nil without For
}

// The functions below are called with mu held, unless they say otherwise.

// add queues e to fire d from now.
func (c *Clock) add(d time.Duration, e *entry) { c.addAt(c.after(d), e) }

// addAt queues e to fire at the given time.
func (c *Clock) addAt(at time.Duration, e *entry) {
	c.seq++
	e.at, e.seq, e.fired = at, c.seq, false
	place, _ := slices.BinarySearchFunc(c.queue, e, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq))
	})
	c.queue = slices.Insert(c.queue, place, e)
	c.recount()
}

// drop removes e from the queue and reports whether it was there.
func (c *Clock) drop(e *entry) bool {
	i := slices.Index(c.queue, e)
	if i >= 0 {
		c.queue = slices.Delete(c.queue, i, i+1)
	}
	return i >= 0
}

// remove is drop for callers that do not hold mu.
func (c *Clock) remove(e *entry) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.drop(e)
}

// fire removes the first entry from the queue, moves time to it and sends its value. The
// caller must call its run.
func (c *Clock) fire() *entry {
	e := c.queue[0]
	c.queue = slices.Delete(c.queue, 0, 1)
	c.elapsed = max(c.elapsed, e.at)
	e.fired = true
	if e.halts {
		c.halts++
	}
	if e.send != nil {
		e.send(c.now())
	}
	return e
}
