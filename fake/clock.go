package fake

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// Clock is a virtual clock. It implements policy.Clock. Its time stands still until
// Advance, AdvanceToNext or Set moves it or, with [AutoAdvance], until a goroutine
// sleeps. Create one with [NewClock]; the zero Clock is not usable. A Clock is safe for
// concurrent use.
//
// The times that it returns have no monotonic reading. It can move by 292 years in
// total. In a bubble of testing/synctest, use a clock that was created in the same
// bubble: Go does not allow the channels of a bubble to be used outside of it.
type Clock struct {
	auto bool
	test TestingT // of For; nil without

	// mu guards the fields below. Values are sent to channels under it: Stop and Reset
	// of a timer must find a value sent, or be sure that it never will be. mu is not
	// held while a user's function runs or a context ends.
	mu      sync.Mutex
	elapsed time.Duration // never decreases
	base    time.Time     // Now returns base + elapsed
	seq     int
	queue   []*entry           // pending, in the order of (at, seq)
	parked  map[*wait]struct{} // calls of Waiter.Wait that were not woken
	counts  []*count           // goroutines in BlockUntil
	sleeps  []time.Duration
	movers  []*mover                // in the order of (at, seq)
	holder  *mover                  // the mover whose turn it is, nil if none
	halts   int                     // the number of entries with halts that have fired
	running map[*goroutine]struct{} // started by Go; nil without For
	advance line                    // admits one call of Advance, AdvanceToNext or Set at a time
}

// Option configures a clock that [NewClock] creates.
type Option func(*Clock)

// AutoAdvance makes a waiting goroutine move time itself, so that a test of a retry
// needs no second goroutine. Three calls move time, and none moves it past the time that
// the call waits for:
//
//   - Sleep moves time by d, or to the deadline of its context if that is earlier.
//   - After moves time by d, or to the first deadline, timer, ticker or AfterFunc
//     before that, and returns. One that is due at the same time is before it if it was
//     set first. After does not know what else its caller selects on;
//     by stopping there it gives a select on After and one of these a single answer. If
//     the event was not for the caller, the channel of After stays empty until another
//     call moves time that far, so code that waits only for time should use Sleep.
//     Sleeps and other calls of After do not stop it, so a select on two channels of
//     After may take either case.
//   - [Func.Block] moves time to the deadline of its context.
//
// Nothing else moves time: no Timer, Ticker, AfterFunc or policy.Waiter, and no function
// that waits only for the end of its context.
//
// If several goroutines are in these calls, or in Advance, the one that waits for the
// earliest time moves the clock. The others wait until it has returned. So each call
// returns exactly at its own time, in order; that time is fixed when the call begins.
//
// The clock does not know what goroutines do outside of these calls. A goroutine that
// calls Sleep late sleeps until later, and one that calls Now some time after its Sleep
// may see the time of the next sleeper. The clock yields the processor before it moves,
// which makes both rare but not impossible. To order the steps of several goroutines,
// use a clock without AutoAdvance, and BlockUntil.
func AutoAdvance() Option { return func(c *Clock) { c.auto = true } }

// At makes the clock start at t, in the location of t.
func At(t time.Time) Option { return func(c *Clock) { c.base = t.Round(0) } }

// NewClock returns a clock that stands at 2000-01-01 00:00:00 UTC, or at the time given
// to [At].
func NewClock(options ...Option) *Clock {
	c := &Clock{base: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), parked: map[*wait]struct{}{}}
	for _, o := range options {
		o(c)
	}
	return c
}

// Now returns the virtual time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

// Waiters returns the number of things that wait for the clock:
//
//   - calls of Sleep, and channels of After without a value;
//   - contexts of WithTimeout that have not ended;
//   - timers and AfterFuncs that have not fired or been stopped, and tickers that have
//     not been stopped;
//   - goroutines in Wait of a waiter from NewWaiter.
//
// Each stops counting when it fires, is stopped or is woken, before the goroutine that
// it wakes runs. A Sleep or Wait that ends with its context stops counting before
// Advance returns if a deadline on this clock ended the context, and otherwise when the
// goroutine notices.
func (c *Clock) Waiters() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting()
}

// Sleeps returns the delays of all calls of Sleep and After, in order, whether they have
// passed or not. It leaves out calls of Sleep whose context had already ended.
func (c *Clock) Sleeps() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sleeps)
}

// count is a call of BlockUntil.
type count struct {
	n       int
	reached chan struct{}
}

// BlockUntil waits until [Clock.Waiters] is n or more and returns nil. If ctx ends
// first, it returns policy.Ended(ctx).
func (c *Clock) BlockUntil(ctx context.Context, n int) error {
	// Each call has a channel of its own. A shared one could be created in one bubble of
	// testing/synctest and closed in another, which Go does not allow.
	b := &count{n: n, reached: make(chan struct{})}
	c.mu.Lock()
	c.counts = append(c.counts, b)
	c.recount()
	c.mu.Unlock()
	select {
	case <-b.reached:
		return nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts = slices.DeleteFunc(c.counts, func(o *count) bool { return o == b })
	select {
	case <-b.reached: // both were ready and select picked the other
		return nil
	default:
		return leftBy(ctx)
	}
}

// The methods below are called with mu held.

func (c *Clock) now() time.Time { return c.base.Add(c.elapsed) }

func (c *Clock) waiting() int { return len(c.queue) + len(c.parked) }

// recount wakes the calls of BlockUntil whose number is reached.
func (c *Clock) recount() {
	c.counts = slices.DeleteFunc(c.counts, func(b *count) bool {
		if c.waiting() < b.n {
			return false
		}
		close(b.reached)
		return true
	})
}

// after returns the time d from now, or the last time that the clock can have.
func (c *Clock) after(d time.Duration) time.Duration {
	if d > math.MaxInt64-c.elapsed {
		return math.MaxInt64
	}
	return c.elapsed + max(0, d)
}
