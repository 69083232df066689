package hedge

import (
	"context"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/stopwatch"
	"github.com/ductile-go/ductile/policy"
)

// Why an extra attempt began, as the Reason of its event.
const (
	byDelay   = "delay"
	byFailure = "failure"
)

// call is one call's way through a hedge, and the context of its first attempt: one
// allocation for both.
type call[T any] struct {
	context.Context // the caller's
	first           firstCtx
	hedge           *Hedge[T]
	next            policy.Call[T]

	// state is nil until there is more to know than that the first attempt is running.
	state atomic.Pointer[state[T]]

	delay time.Duration   // between attempts; 0 if none begins for the sake of time
	watch stopwatch.Watch // started before the first attempt if timed is true

	// The fields below belong to the caller's goroutine. The timer of the first delay is
	// one of the two: in real time a stop function would be one more allocation.
	timer   *time.Timer
	stop    func() bool
	settled bool // the result is known, and others have been cancelled
	kept    bool // the value still needs the first attempt's context

	timed bool
}

// start begins the wait for the first extra attempt, or begins all of them.
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

// alone reports whether no other attempt has begun, nor will.
func (c *call[T]) alone() bool { return c.stopFirst() && c.state.Load() == nil }

// stopFirst stops the first timer, and reports whether it will not fire and has not.
func (c *call[T]) stopFirst() bool {
	switch {
	case c.timer != nil:
		return c.timer.Stop()
	case c.stop != nil:
		return c.stop()
	}
	return true
}

// learn counts the latency of a first attempt that has just succeeded.
func (c *call[T]) learn() {
	if l := c.hedge.learned; l != nil {
		l.add(c.next.Lap(c.watch, true))
	}
}

// close ends the call, whatever way it ends.
func (c *call[T]) close() {
	if !c.settled {
		c.abort()
	}
	if !c.kept {
		c.first.end(c.Context, nil)
	}
}
