package fake

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/policy"
)

func ended(ctx context.Context) error { return policy.Ended(ctx) }

// After returns a channel that gets the time in d from now. If d is 0 or less, the
// channel has it already. On an [AutoAdvance] clock, After moves time first, by d or
// to the first event on the way; see there. To wait for time alone, use Sleep.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	ch := make(chan time.Time, 1)
	e := &entry{send: func(now time.Time) { ch <- now }, from: c.originIn("After", d)}
	c.mu.Lock()
	c.sleeps = append(c.sleeps, d)
	if d <= 0 {
		ch <- c.now()
		c.mu.Unlock()
		return ch
	}
	c.add(d, e)
	if !c.auto {
		c.mu.Unlock()
		return ch
	}
	m, halts := c.enter(e.at), c.halts
	c.mu.Unlock()
	settle()
	// Time goes no further than the first event, whichever mover fires it: with the
	// event's channel and this one ready, a select would pick either.
	c.move(m, func() bool { return e.fired || c.halts != halts }, nil)
	return ch
}

// Sleep waits until d has passed or ctx has ended, and returns what [policy.Ended]
// returns for ctx: an end in the same instant wins. It returns at once if d is 0 or
// less. On an [AutoAdvance] clock it moves time itself, to exactly the end of d, or
// to the deadline on the way that ends ctx. Under a ctx that has already ended it
// does nothing, and Sleeps does not have d.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	if err := ended(ctx); err != nil {
		return err
	}
	done := make(chan struct{})
	e := &entry{send: func(time.Time) { close(done) }, from: c.originIn("Sleep", d)}
	// Before e is queued: BlockUntil must not count a sleep that an end of ctx would
	// not yet take off.
	over := false // guarded by mu
	defer whenEnded(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		over = true
		c.drop(e)
	})()
	c.mu.Lock()
	if over {
		c.mu.Unlock()
		return ended(ctx)
	}
	c.sleeps = append(c.sleeps, d)
	if d <= 0 {
		c.mu.Unlock()
		return nil
	}
	c.add(d, e)
	if c.auto {
		m := c.enter(e.at)
		c.mu.Unlock()
		return c.sleepMoving(ctx, m, e)
	}
	c.mu.Unlock()
	defer c.remove(e)
	select {
	case <-done:
	case <-ctx.Done():
	}
	return ended(ctx)
}

// sleepMoving moves time to the end of the sleep e. The result is found before m
// leaves: time may move on from there.
func (c *Clock) sleepMoving(ctx context.Context, m *mover, e *entry) error {
	defer c.leave(m)
	defer c.remove(e)
	settle()
	c.moveOn(m, c.endOf(ctx), ctx.Done())
	return ended(ctx)
}

// runOut moves time to at, or to where ctx ends.
func (c *Clock) runOut(ctx context.Context, at time.Duration) {
	c.mu.Lock()
	m := c.enter(max(c.elapsed, at))
	c.mu.Unlock()
	settle()
	c.move(m, c.endOf(ctx), ctx.Done())
}

// endOf returns a stop for moveOn that is true when ctx has ended. ctx may be of any
// type, and is asked without mu.
func (c *Clock) endOf(ctx context.Context) func() bool {
	return func() (is bool) {
		c.unlocked(func() { is = ctx.Err() != nil })
		return is
	}
}
