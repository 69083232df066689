package fake

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Go runs f on a goroutine of its own. The goroutine counts in Waiters only while it
// waits for the clock, as any other does.
func (c *Clock) Go(f func()) {
	if c.test == nil {
		go f()
		return
	}
	c.start(f, c.origin("Go"))
}

// AfterFunc calls f when d has passed, on the goroutine that moves time, which
// returns after f has; see [Clock.Advance] for what f must not do. If d is 0 or less,
// it calls f at once, on a goroutine of its own. The stop function reports whether it
// kept f from being called. A panic in f passes to the caller that moves time.
func (c *Clock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	if f == nil {
		panic("fake: Clock.AfterFunc: f is nil, want a function")
	}
	if d <= 0 {
		c.Go(f)
		return func() bool { return false }
	}
	e := &entry{halts: true, run: f, from: c.originIn("AfterFunc", d)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(d, e)
	return func() bool { return c.remove(e) }
}

// NewWaiter returns a waiter whose Wait counts in Waiters and BlockUntil, until it is
// woken or its context has ended. Waiting moves no time, also on an [AutoAdvance]
// clock: it waits for another goroutine, and that may sleep.
func (c *Clock) NewWaiter() policy.Waiter {
	return &waiter{clock: c, wake: make(chan struct{})}
}

type waiter struct {
	clock *Clock
	wake  chan struct{}

	// Guarded by clock.mu. Wake stops counting every Wait in the step that wakes it:
	// if the goroutines did so as they run on, BlockUntil could count one that is not
	// waiting any more.
	woken bool
	waits map[*wait]struct{}
}

// wait is one call of Wait. It is in w.waits and clock.parked while it counts.
type wait struct {
	w    *waiter
	from *origin
	seq  int  // guarded by clock.mu
	over bool // guarded by clock.mu
}

func (w *waiter) Wait(ctx context.Context) error {
	b := &wait{w: w, from: w.clock.origin("Wait")}
	// Before b counts: BlockUntil must not count a Wait that an end of ctx would not
	// yet take off.
	defer whenEnded(ctx, b.end)()
	defer b.end()
	b.begin()
	select {
	case <-w.wake:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-w.wake: // both were ready, and select had picked the other
		return nil
	default:
		return ended(ctx)
	}
}

func (w *waiter) Wake() {
	c := w.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.woken {
		return
	}
	w.woken = true
	for b := range w.waits {
		delete(c.parked, b)
	}
	w.waits = nil
	close(w.wake)
}

// begin starts to count, unless there is nothing to wait for.
func (b *wait) begin() {
	w, c := b.w, b.w.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.woken || b.over {
		return
	}
	if w.waits == nil {
		w.waits = map[*wait]struct{}{}
	}
	c.seq++
	b.seq = c.seq
	w.waits[b] = struct{}{}
	c.parked[b] = struct{}{}
	c.recount()
}

// end stops counting, for good.
func (b *wait) end() {
	w, c := b.w, b.w.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	b.over = true
	delete(w.waits, b)
	delete(c.parked, b)
}
