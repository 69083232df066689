package hedge

import (
	"context"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/stopwatch"
	"github.com/ductile-go/ductile/policy"
)

// Reasons of a Hedged event.
const (
	byDelay   = "delay"
	byFailure = "failure"
)

// call is one call of a hedge, and also the context of its first attempt, to save an
// allocation.
type call[T any] struct {
	context.Context // the caller's
	first           firstCtx
	hedge           *Hedge[T]
	next            policy.Call[T]

	// state is nil while the first attempt is running and no other step was made.
	state atomic.Pointer[state[T]]

	delay time.Duration   // between attempts; 0 if none starts by time
	watch stopwatch.Watch // started before the first attempt if timed is true

	// Only the caller's goroutine uses the fields below. The first timer is in one of two
	// fields: in real time, a stop function would cost another allocation.
	timer   *time.Timer
	stop    func() bool
	settled bool // the result is known, and the other attempts are cancelled
	kept    bool // the value still needs the first attempt's context

	timed bool
}

// start starts the timer for the first extra attempt, or starts all attempts.
func (c *call[T]) start() {
	h := c.hedge
	if h.learned != nil || c.next.HasObservers() {
		c.watch, c.timed = c.next.Stopwatch(h.cfg.Clock), true
	}
	if h.cfg.Delay == AtOnce {
		for range h.cfg.MaxExtra {
			a := c.begin(nil, byDelay)
			if a == nil {
				break
			}
			policy.Go(h.cfg.Clock, func() { c.runAll(a) })
		}
		return
	}
	if c.delay = h.delay(); c.delay == 0 {
		return
	}
	if h.cfg.Clock == nil {
		c.timer = time.AfterFunc(c.delay, c.firstDue)
		return
	}
	c.stop = policy.AfterFunc(h.cfg.Clock, c.delay, c.firstDue)
}

func (c *call[T]) firstDue() { c.due(&firstTurn) }

// alone reports whether no other attempt has started or will start.
func (c *call[T]) alone() bool { return c.stopFirst() && c.state.Load() == nil }

// stopFirst stops the first timer, and reports whether it has not fired and will not.
func (c *call[T]) stopFirst() bool {
	switch {
	case c.timer != nil:
		return c.timer.Stop()
	case c.stop != nil:
		return c.stop()
	}
	return true
}

// learn records the latency of a first attempt that has just succeeded.
func (c *call[T]) learn() {
	if l := c.hedge.learned; l != nil {
		l.add(c.next.Lap(c.watch, true))
	}
}

// close ends the call, however it ends.
func (c *call[T]) close() {
	if !c.settled {
		c.abort()
	}
	if !c.kept {
		c.first.end(c.Context, nil)
	}
}
