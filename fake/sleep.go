package fake

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/policy"
)

func ended(ctx context.Context) error { return policy.Ended(ctx) }

// leftBy returns the error of ended for a context that has closed Done. A context of a
// user's may close it before Err returns an error; nil would say that the wait is over.
func leftBy(ctx context.Context) error {
	if err := ended(ctx); err != nil {
		return err
	}
	return context.Canceled
}

// After returns a channel that receives the time when d has passed. If d is 0 or less,
// the channel has a value when After returns. On an [AutoAdvance] clock, After first
// moves time by d, or to an event before that. To wait only for time, use Sleep.
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
	// Stop at the first event, whichever mover fires it. If time went on, the channel of
	// the event and this one would both be ready, and a select would pick either.
	c.move(m, func() bool { return e.fired || c.halts != halts }, nil)
	return ch
}

// Sleep waits until d has passed or ctx has ended and returns policy.Ended(ctx), which
// is nil if ctx has not ended. If both happen at the same time, the end of ctx wins.
// Sleep returns at once if d is 0 or less. On an [AutoAdvance] clock it moves time by
// exactly d, or to the deadline that ends ctx. If ctx has already ended, Sleep does
// nothing, and Sleeps does not include d.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	if err := ended(ctx); err != nil {
		return err
	}
	done := make(chan struct{})
	e := &entry{send: func(time.Time) { close(done) }, from: c.originIn("Sleep", d)}
	// The hook must exist before e is queued. Otherwise ctx could end in between, and
	// BlockUntil would count a sleep that is about to return.
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
		return ended(ctx)
	case <-ctx.Done():
		return leftBy(ctx)
	}
}

// sleepMoving moves time to the end of the sleep e. It reads the result before m leaves,
// because other movers then move time further.
func (c *Clock) sleepMoving(ctx context.Context, m *mover, e *entry) error {
	defer c.leave(m)
	defer c.remove(e)
	settle()
	c.moveOn(m, c.endOf(ctx), ctx.Done())
	return ended(ctx)
}

// runOut moves time to at, or to the end of ctx if that is earlier.
func (c *Clock) runOut(ctx context.Context, at time.Duration) {
	c.mu.Lock()
	m := c.enter(max(c.elapsed, at))
	c.mu.Unlock()
	settle()
	c.move(m, c.endOf(ctx), ctx.Done())
}

// endOf returns a stop function for moveOn that reports whether ctx has ended. It asks
// ctx without mu, because ctx may be of a user's type.
func (c *Clock) endOf(ctx context.Context) func() bool {
	return func() (is bool) {
		c.unlocked(func() { is = ctx.Err() != nil })
		return is
	}
}
