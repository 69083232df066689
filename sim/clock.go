package sim

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// clock is the virtual clock of an engine: a policy.Clock with all of its doors.
type clock struct{ e *engine }

var _ policy.Clock = (*clock)(nil)

func (c *clock) String() string { return "sim.Clock" }

// Now returns the virtual time.
func (c *clock) Now() time.Time { return start.Add(time.Duration(c.e.now)) }

// After panics: only what waits through the clock itself can wait in virtual time.
func (c *clock) After(time.Duration) <-chan time.Time {
	panic("sim: Clock.After: a channel cannot be waited for in virtual time; use policy.Sleep, policy.NewWaiter or policy.AfterFunc with this clock")
}

// Sleep waits for d of virtual time, or until ctx ends.
func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	p := c.e.current("Clock.Sleep")
	c.e.step()
	if d <= 0 || ctx.Err() != nil {
		return policy.Ended(ctx)
	}
	c.e.at(&p.timer, d)
	p.await(ctx)
	c.e.events.remove(&p.timer)
	return policy.Ended(ctx)
}

// Go runs f on a coroutine.
func (c *clock) Go(f func()) { c.e.spawn(bodyFunc(f)) }

// AfterFunc runs f on a coroutine when d has passed.
func (c *clock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	if d <= 0 {
		c.Go(f)
		return func() bool { return false }
	}
	t := &timer{e: c.e, f: f}
	t.event.task = t
	c.e.at(&t.event, d)
	return t.stop
}

type timer struct {
	e     *engine
	event event
	f     func()
}

func (t *timer) fire()      { t.e.spawn(bodyFunc(t.f)) }
func (t *timer) stop() bool { return t.e.events.remove(&t.event) }

// NewWaiter returns a waiter in virtual time.
func (c *clock) NewWaiter() policy.Waiter { return &waiter{e: c.e} }

// waiter wakes coroutines. Almost always there is one.
type waiter struct {
	e     *engine
	woken bool
	one   *proc
	more  []*proc
}

func (w *waiter) Wait(ctx context.Context) error {
	p := w.e.current("Waiter.Wait")
	w.e.step()
	if !w.woken && ctx.Err() == nil {
		w.add(p)
		p.await(ctx)
		w.remove(p)
	}
	if w.woken {
		return nil
	}
	return policy.Ended(ctx)
}

func (w *waiter) add(p *proc) {
	if w.one == nil {
		w.one = p
	} else {
		w.more = append(w.more, p)
	}
}

func (w *waiter) remove(p *proc) {
	if w.one == p {
		w.one = nil
	}
	for i, q := range w.more {
		if q == p {
			w.more = append(w.more[:i], w.more[i+1:]...)
			return
		}
	}
}

func (w *waiter) Wake() {
	if w.woken {
		return
	}
	w.woken = true
	if w.one != nil {
		w.e.wake(w.one)
	}
	for _, p := range w.more {
		w.e.wake(p)
	}
}
