package fake

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Go runs f on a new goroutine. A clock made with [For] reports it if it has not returned
// when the test ends. The goroutine counts in Waiters only while it waits for the clock.
func (c *Clock) Go(f func()) {
	if c.test == nil {
		go f()
		return
	}
	c.start(f, c.origin("Go"))
}

// AfterFunc calls f when d has passed, on the goroutine that moves time. That goroutine
// waits for f and gets its panics; see [Clock.Advance] for what f must not do. If d is 0
// or less, AfterFunc calls f at once on a new goroutine. The function stop prevents the
// call and reports whether it was in time. AfterFunc panics if f is nil.
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

// NewWaiter returns a waiter. A call of its Wait counts in Waiters and BlockUntil until
// it is woken or its context ends. Wait does not move an [AutoAdvance] clock: it waits
// for another goroutine, which may sleep.
func (c *Clock) NewWaiter() policy.Waiter {
	return &waiter{clock: c, wake: make(chan struct{})}
}

type waiter struct {
	clock *Clock
	wake  chan struct{}

	// Guarded by clock.mu. Wake removes the calls of Wait from the count and wakes them in
	// one step. If each removed itself after waking, BlockUntil could count a call that
	// no longer waits.
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
	// The hook must exist before b counts. Otherwise ctx could end in between, and
	// BlockUntil would count a Wait that is about to return.
	defer whenEnded(ctx, b.end)()
	defer b.end()
	if ctx.Err() == nil {
		b.begin()
	}
	select {
	case <-w.wake:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-w.wake: // both were ready and select picked the other
		return nil
	default:
		return leftBy(ctx)
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

// begin adds b to the count, unless it was woken or has ended already.
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

// end removes b from the count for good.
func (b *wait) end() {
	w, c := b.w, b.w.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	b.over = true
	delete(w.waits, b)
	delete(c.parked, b)
}
