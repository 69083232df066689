package fake

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Clock is virtual time. It stands still until Advance moves it, or, made with
// [AutoAdvance], until somebody sleeps. Make one with [NewClock]; it is safe for
// concurrent use.
type Clock struct {
	auto bool

	// firing lets one goroutine at a time move time, so that what is due fires in
	// order; mu guards the fields and is never held while something fires.
	firing sync.Mutex
	mu     sync.Mutex
	now    time.Time
	seq    int
	queue  []*waiter
	sleeps []time.Duration
	grown  chan struct{} // closed when a waiter is added
}

// waiter is something to do at a time.
type waiter struct {
	at   time.Time
	seq  int
	fire func(now time.Time)
}

// Option changes a clock that [NewClock] makes.
type Option func(*Clock)

// AutoAdvance makes whoever calls Sleep or After move time by as much, and
// [Func.Block] up to the deadline, so that a test of a retry needs no second
// goroutine. A function of your own that waits for the end of its context alone
// moves nothing: let it Sleep, or Advance from another goroutine.
func AutoAdvance() Option { return func(c *Clock) { c.auto = true } }

// NewClock returns a clock that reads 2000-01-01 00:00:00 UTC.
func NewClock(options ...Option) *Clock {
	c := &Clock{now: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), grown: make(chan struct{})}
	for _, o := range options {
		o(c)
	}
	return c
}

// Now returns the virtual time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves time by d and fires what falls due on the way, in order of
// time, then of creation, with Now at the time of each, all before it returns.
// It panics when d is less than 0. It must not be called from what it fires.
func (c *Clock) Advance(d time.Duration) {
	if d < 0 {
		panic(fmt.Sprintf("fake: Clock.Advance: d is %v, want 0 or more", d))
	}
	c.firing.Lock()
	defer c.firing.Unlock()
	c.mu.Lock()
	end := c.now.Add(d)
	c.mu.Unlock()
	for c.fireNext(end) {
	}
}

// fireNext fires the first waiter due by end, or moves time to end and returns
// false if there is none.
func (c *Clock) fireNext(end time.Time) bool {
	c.mu.Lock()
	if len(c.queue) == 0 || c.queue[0].at.After(end) {
		c.now = end
		c.mu.Unlock()
		return false
	}
	w := c.queue[0]
	c.queue = slices.Delete(c.queue, 0, 1)
	if w.at.After(c.now) {
		c.now = w.at
	}
	now := c.now
	c.mu.Unlock()
	w.fire(now)
	return true
}

// AdvanceToNext moves time to the next thing that waits, fires what is due
// then, and returns by how much; false if nothing waits.
func (c *Clock) AdvanceToNext() (time.Duration, bool) {
	c.mu.Lock()
	if len(c.queue) == 0 {
		c.mu.Unlock()
		return 0, false
	}
	d := max(0, c.queue[0].at.Sub(c.now))
	c.mu.Unlock()
	c.Advance(d)
	return d, true
}

// add queues fire for d from now and returns what takes it back; that reports
// whether it was still queued.
func (c *Clock) add(d time.Duration, fire func(time.Time)) (remove func() bool) {
	_, remove = c.addFor(d, fire)
	return remove
}

// addFor is add that also tells the time it queued for, read in the same step:
// an Advance in between would let a deadline and its waiter differ.
func (c *Clock) addFor(d time.Duration, fire func(time.Time)) (at time.Time, remove func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	w := &waiter{at: c.now.Add(d), seq: c.seq, fire: fire}
	place, _ := slices.BinarySearchFunc(c.queue, w, func(a, b *waiter) int {
		if n := a.at.Compare(b.at); n != 0 {
			return n
		}
		return a.seq - b.seq
	})
	c.queue = slices.Insert(c.queue, place, w)
	close(c.grown)
	c.grown = make(chan struct{})
	return w.at, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		i := slices.Index(c.queue, w)
		if i >= 0 {
			c.queue = slices.Delete(c.queue, i, i+1)
		}
		return i >= 0
	}
}

func (c *Clock) asked(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sleeps = append(c.sleeps, d)
}

// After returns a channel that gets the time in d from now. With a d of zero or
// less, or on an AutoAdvance clock, it has it already.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	c.asked(d)
	ch := make(chan time.Time, 1)
	if d <= 0 {
		ch <- c.Now()
		return ch
	}
	c.add(d, func(now time.Time) { ch <- now })
	if c.auto {
		c.Advance(d)
	}
	return ch
}

// Sleep waits until d has passed or ctx has ended, and returns what
// [policy.Ended] says of ctx. On an AutoAdvance clock it moves time itself, and
// stops where a deadline on the way ends ctx. An ended ctx is not slept under
// and leaves nothing in Sleeps.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	if err := policy.Ended(ctx); err != nil {
		return err
	}
	c.asked(d)
	if d <= 0 {
		return nil
	}
	done := make(chan struct{})
	remove := c.add(d, func(time.Time) { close(done) })
	defer remove()
	if c.auto {
		c.advanceUntil(ctx, d)
		return policy.Ended(ctx)
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
	return policy.Ended(ctx)
}

// advanceUntil moves time by d, or until ctx ends.
func (c *Clock) advanceUntil(ctx context.Context, d time.Duration) {
	c.firing.Lock()
	defer c.firing.Unlock()
	c.mu.Lock()
	end := c.now.Add(d)
	c.mu.Unlock()
	for more := true; more && ctx.Err() == nil; {
		more = c.fireNext(end)
	}
}

// advanceTo moves time to at, unless it is later, or until ctx ends.
func (c *Clock) advanceTo(ctx context.Context, at time.Time) {
	c.firing.Lock()
	defer c.firing.Unlock()
	for more := c.Now().Before(at); more && ctx.Err() == nil; {
		more = c.fireNext(at)
	}
}

// BlockUntil waits until at least n sleeps, Afters and deadlines are pending. It
// returns what [policy.Ended] says of ctx if that ends first.
func (c *Clock) BlockUntil(ctx context.Context, n int) error {
	for {
		c.mu.Lock()
		enough, grown := len(c.queue) >= n, c.grown
		c.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return policy.Ended(ctx)
		}
	}
}

// Waiters returns how many sleeps, Afters and deadlines are pending.
func (c *Clock) Waiters() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.queue)
}

// Sleeps returns every delay that Sleep and After were asked for, in order.
func (c *Clock) Sleeps() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sleeps)
}
