// Package gate limits how many calls run at a time. Packages bulkhead and adaptive are
// built on it: each has its own Config, errors and events, and both share the places, the
// queue and its disciplines.
package gate

import (
	"context"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/counter"
	"github.com/ductile-go/ductile/internal/mono"
	"github.com/ductile-go/ductile/internal/stripe"
	"github.com/ductile-go/ductile/policy"
)

// Config is a valid config, with the fields of bulkhead.Config.
type Config struct {
	Name     string
	Limit    int
	MaxQueue int
	MaxWait  time.Duration
	Order    Order
	Delay    CoDel
	Priority func(ctx context.Context) policy.Priority
	Clock    policy.Clock
}

// Order is bulkhead.Order.
type Order uint8

// The orders have the numbers of bulkhead.FIFO, bulkhead.LIFO and bulkhead.Adaptive.
const (
	FIFO Order = iota
	LIFO
	Adaptive
)

// CoDel is bulkhead.CoDel.
type CoDel struct {
	Target   time.Duration
	Interval time.Duration
}

func (d CoDel) on() bool { return d != CoDel{} }

// Gate limits how many calls run at a time. [Gate.Init] makes it usable. It is safe for
// concurrent use and starts no goroutine.
//
// A released place goes directly to the first waiting call; a newcomer cannot take it
// first.
type Gate struct {
	main   Cell // all free places, unless they are spread
	spread atomic.Pointer[spread]
	// The next five fields do not change.
	width int64 // number of cells of a spread; 0 on one processor, which needs none
	name  string
	clock policy.Clock
	voice *Voice
	born  time.Time

	limit    atomic.Int64 // changed under mu
	rules    atomic.Pointer[rules]
	rejected counter.Counter
	waits    atomic.Int64 // copy of queue.n, to estimate without mu whether the queue has room

	// mu guards the queue and all decisions that involve more than one word. Without it,
	// two goroutines that hand over a place could both grant it to the head, and a waiter
	// could leave while it is being granted a place. It is never held across a call out.
	mu       atomic.Mutex
	queue    queue
	queueing bool  // calls wait, so the main cell is shut
	emptyAt  int64 // when the queue was last empty, on the gate's clock; for Delay
	gathered int64 // admissions of cells that were gathered
}

// Init makes the zero Gate usable.
func (g *Gate) Init(cfg Config, voice *Voice) {
	g.name, g.clock, g.width, g.voice = cfg.Name, cfg.Clock, int64(stripe.Width()), voice
	if cfg.Clock != nil {
		g.born = cfg.Clock.Now()
	}
	g.main.word.Store(int64(cfg.Limit))
	g.limit.Store(int64(cfg.Limit))
	g.rules.Store(rulesOf(cfg))
}

// Made reports whether Init was called.
func (g *Gate) Made() bool { return g.rules.Load() != nil }

// Config returns the config in force.
func (g *Gate) Config() Config { return g.rules.Load().Config }

// Name returns the name of the config.
func (g *Gate) Name() string { return g.name }

// Clock returns the clock of the config, or nil for real time.
func (g *Gate) Clock() policy.Clock { return g.clock }

// Queues reports whether calls may wait.
func (g *Gate) Queues() bool { return g.rules.Load().MaxQueue > 0 }

// Limit returns the current limit.
func (g *Gate) Limit() int { return int(g.limit.Load()) }

// now returns the time on the gate's clock.
func (g *Gate) now() int64 {
	if g.clock == nil {
		return mono.Now()
	}
	return int64(g.clock.Now().Sub(g.born))
}

// Enter takes a place if one is free and no call waits. It returns the cell of that place,
// and how many places are left in the cell; see [Gate.Exhausted]. The cell may be nil
// although another cell has a free place; see enterOrFull.
func (g *Gate) Enter() (c *Cell, left int64) {
	c = &g.main
	if s := g.spread.Load(); s != nil {
		c = s.mine()
	}
	if w := c.word.Load(); isFree(w) && c.word.CompareAndSwap(w, w+taking) {
		if w^(w+taking) < 0 {
			c.halves.Add(1)
		}
		return c, places(w) - 1
	}
	return g.enterAnywhere()
}

// enterAnywhere continues Enter after a collision, or after an empty cell.
func (g *Gate) enterAnywhere() (c *Cell, left int64) {
	for {
		if s := g.spread.Load(); s != nil {
			return s.take()
		}
		w := g.main.word.Load()
		if !isFree(w) {
			return nil, 0
		}
		// The cell has free places, so another call has changed the word in between.
		if !g.spreadOut() && g.main.word.CompareAndSwap(w, w+taking) {
			g.main.crossing(w, w+taking)
			return &g.main, places(w) - 1
		}
	}
}

// enterOrFull is Enter with an exact nil: at some moment during the call no place was
// free, or calls waited.
func (g *Gate) enterOrFull() (c *Cell, left int64) {
	if c, left = g.Enter(); c != nil {
		return c, left
	}
	if g.isFull() {
		return nil, 0
	}
	g.mu.Lock()
	g.gather()
	grants := g.handOver()
	ok, left := g.main.take() // it is shut if calls still wait
	g.mu.Unlock()
	grants.wake()
	if !ok {
		return nil, 0
	}
	return &g.main, left
}

// Exhausted reports whether all places were in use when a call had entered through c, with
// left free places in c. While the places are spread over several cells, it may miss a
// moment that ends at once.
func (g *Gate) Exhausted(c *Cell, left int64) bool {
	switch {
	case left > 0:
		return false
	case c == &g.main: // a main cell that admits holds all free places
		return true
	}
	s := g.spread.Load()
	if s == nil {
		return g.isFull()
	}
	free, _ := s.free()
	return free <= 0
}

// isFull reports whether the main cell is open and empty: all places are in use at the
// moment of the load.
func (g *Gate) isFull() bool {
	w := g.main.word.Load()
	return !isFree(w) && !isShut(w)
}

// Leave gives a place back to its cell. One atomic add both frees the place and reads
// whether the cell is shut. A call that starts to wait first shuts the cell and then
// looks for places again. So one of the two sees the other.
func (g *Gate) Leave(c *Cell) {
	if isShut(c.word.Add(1)) {
		g.leaveShut(c)
	}
}

// leaveShut is Leave for a shut cell. A shut cell other than the main cell was gathered,
// so its place goes to the main cell.
func (g *Gate) leaveShut(c *Cell) {
	if c != &g.main && !isShut(g.main.word.Add(1)) {
		return
	}
	g.mu.Lock()
	grants := g.settle()
	g.mu.Unlock()
	grants.wake()
}

// settle moves places that were returned to a shut main cell to where calls find them,
// and returns the waiters to wake. The caller holds mu.
func (g *Gate) settle() woken {
	s := g.spread.Load()
	if s == nil {
		return g.handOver()
	}
	// No call waits at a spread gate. Places are removed from the main cell before they
	// are added to another: a place in both could be taken twice.
	for {
		w := g.main.word.Load()
		free := places(w) + shut
		if free == 0 {
			return woken{}
		}
		if g.main.word.CompareAndSwap(w, w-free) {
			s.mine().word.Add(free)
			return woken{}
		}
	}
}
