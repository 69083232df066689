package fake

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// Clock is virtual time. It stands still until Advance, AdvanceToNext or Set moves
// it or, on a clock made with [AutoAdvance], until a goroutine sleeps. Make one with
// [NewClock]; the zero Clock is not usable. It is safe for concurrent use.
//
// The times that it returns have no monotonic reading. It can move by 292 years in
// all. In a bubble of
// testing/synctest, use a clock that was made there, and nowhere else: a channel of
// one bubble must not be used from outside of it.
type Clock struct {
	auto bool
	test TestingT // of For; nil without

	// mu guards the fields below. Values are sent to channels under it, so that Stop
	// and Reset of a timer find a value either sent or never to be sent. It is not
	// held while a function or the end of a context runs.
	mu      sync.Mutex
	elapsed time.Duration // never decreases
	base    time.Time     // what the clock reads is base + elapsed
	seq     int
	queue   []*entry           // pending, in the order of (at, seq)
	parked  map[*wait]struct{} // calls of Waiter.Wait that were not woken
	counts  []*count           // goroutines in BlockUntil
	sleeps  []time.Duration
	movers  []*mover                // in the order of (at, seq)
	holder  *mover                  // the mover that is firing something, if any
	halts   int                     // how many entries with halts have fired
	running map[*goroutine]struct{} // started by Go; nil without For
	advance line                    // of the calls of Advance, AdvanceToNext and Set
}

// Option changes a clock that [NewClock] makes.
type Option func(*Clock)

// AutoAdvance makes waiting move time, so that a test of a retry needs no second
// goroutine. Three calls move it, each towards the moment that it asked for and
// never past it:
//
//   - Sleep moves time by d, or to where its context ends on the way.
//   - After moves time by d, or to the first deadline, timer, ticker or function of
//     AfterFunc on the way, and returns. It cannot know what else its caller selects
//     on, and stopping there gives a select on After and any of these one answer. If
//     the event was not for the caller, the channel stays empty until something else
//     moves time that far: code that waits for time alone should use Sleep. Sleeps
//     and other channels of After do not stop it, so two channels of After in one
//     select have no order.
//   - [Func.Block] moves time to the deadline of its context.
//
// Nothing else does: not a Timer, a Ticker, an AfterFunc, a policy.Waiter, or a
// function that waits only for the end of its context.
//
// If several goroutines wait in these calls, or in Advance, at the same time, the
// one with the earliest moment moves time, and the others stay where they are until
// it has left its call. So each leaves at exactly its own moment, in order, and
// moments are fixed when the calls begin. What a goroutine does outside of these
// calls is unknown to the clock and holds no time: a goroutine that begins to sleep
// late sleeps late, and one that is slow to call Now after its Sleep may see the
// moment of the next sleeper. The clock yields the processor before it moves, which
// makes both rare but not impossible. To order what several goroutines do, use a
// clock without AutoAdvance, and BlockUntil.
func AutoAdvance() Option { return func(c *Clock) { c.auto = true } }

// At makes the clock begin at t, in t's location.
func At(t time.Time) Option { return func(c *Clock) { c.base = t.Round(0) } }

// NewClock returns a clock that reads 2000-01-01 00:00:00 UTC, or the time given to
// [At].
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

// Waiters returns how many things wait for the clock:
//
//   - sleeps that have not ended, and channels of After that have no value yet;
//   - contexts of WithTimeout that have neither ended nor been cancelled;
//   - timers and functions of AfterFunc that have neither fired nor been stopped, and
//     tickers that have not been stopped;
//   - goroutines that are blocked in the Wait of a waiter that NewWaiter made.
//
// Something stops counting in the instant at which it fires, is stopped or is woken,
// before the goroutine that it releases runs on. A Sleep or Wait that ends with its
// context stops counting before Advance returns if a deadline on this clock ended
// the context, and otherwise when the goroutine has noticed.
func (c *Clock) Waiters() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting()
}

// Sleeps returns every delay that Sleep and After were called with, in order,
// whether it passed or not. Sleep under a context that has already ended is left
// out.
func (c *Clock) Sleeps() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sleeps)
}

// count is a goroutine that waits until n things wait.
type count struct {
	n       int
	reached chan struct{}
}

// BlockUntil waits until at least n things wait for the clock, as [Clock.Waiters]
// counts them. It returns nil then, and what policy.Ended returns if ctx ends
// first.
func (c *Clock) BlockUntil(ctx context.Context, n int) error {
	// The channel is this call's own. A channel shared by calls could be made in one
	// bubble of testing/synctest and closed from another.
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
	case <-b.reached: // both were ready, and select had picked the other
		return nil
	default:
		return ended(ctx)
	}
}

// The methods below need mu.

func (c *Clock) now() time.Time { return c.base.Add(c.elapsed) }

func (c *Clock) waiting() int { return len(c.queue) + len(c.parked) }

// recount releases those in BlockUntil whose number is reached.
func (c *Clock) recount() {
	c.counts = slices.DeleteFunc(c.counts, func(b *count) bool {
		if c.waiting() < b.n {
			return false
		}
		close(b.reached)
		return true
	})
}

// after returns the moment in d from now, or the last there is.
func (c *Clock) after(d time.Duration) time.Duration {
	if d > math.MaxInt64-c.elapsed {
		return math.MaxInt64
	}
	return c.elapsed + max(0, d)
}
