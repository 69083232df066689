package policy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/internal/mono"
)

// deadline returns the monotonic time d after now, or the largest one if that
// overflows.
func deadline(now int64, d time.Duration) int64 {
	if t := now + int64(d); t > now {
		return t
	}
	return math.MaxInt64
}

// expiry holds the answers of a policy's contexts after the limit has passed.
type expiry struct {
	err   *TimeoutError   // the cause
	ended context.Context // a standard context that ended with the cause, which context.Cause finds in it
}

func newExpiry(err *TimeoutError) *expiry { return &expiry{err, ending.With(err)} }

// text returns the text of a context derived from parent.
func (e *expiry) text(parent context.Context) string {
	return fmt.Sprintf("%s.Timeout(%v)", ending.Text(parent), e.err.After)
}

// lazyCtx is a context with a deadline in real time. It arms its timer only when Done
// is called. It is one allocation of at most 96 bytes, and a function that ignores it
// costs one compare-and-swap.
//
// Until it is armed, it derives its state from the clock and its parent. Arming makes a
// context of the standard library, which gives the answers from then on: package
// context attaches derived contexts without a goroutine only to its own types.
//
// A method that finds the context ended arms it with that end, so that later answers
// agree with the first.
type lazyCtx struct {
	parent   context.Context
	deadline int64 // by package mono
	expiry   *expiry

	// armed changes once, by compare-and-swap, from nil to the armed context or to
	// unarmed. Done on another goroutine can race with the end of the call: whichever
	// is first, the other sees it, so no timer outlives the call.
	armed atomic.Pointer[armedCtx]
}

type armedCtx struct {
	context.Context
	cancel context.CancelFunc
}

// unarmed is the state of a context whose call returned before it was armed.
var unarmed = func() *armedCtx {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return &armedCtx{ctx, cancel}
}()

// endedCtx is a context that had ended before it was armed. It has no values but the cause.
type endedCtx struct {
	context.Context // a standard context that ended with the cause
	err             error
}

func (e endedCtx) Err() error { return e.err }

// Deadline returns the earlier of the limit and the parent's deadline. The wall clock
// is read each time; the monotonic part of the result never changes.
func (c *lazyCtx) Deadline() (time.Time, bool) {
	own := mono.Time(c.deadline)
	if d, ok := c.parent.Deadline(); ok && d.Before(own) {
		return d, true
	}
	return own, true
}

// limit returns the limit, to compare it with the parent's deadline and to set timers,
// which use the monotonic part. The wall clock part is exact only if the parent has a
// deadline to compare with.
func (c *lazyCtx) limit() time.Time {
	if _, ok := c.parent.Deadline(); ok {
		return mono.Time(c.deadline)
	}
	return mono.Near(c.deadline)
}

// Done arms the context.
func (c *lazyCtx) Done() <-chan struct{} {
	if a := c.armed.Load(); a != nil {
		return a.Done()
	}
	if c.parent.Err() != nil { // otherwise what is derived now decides whose end comes first
		if a := c.end(); a != nil {
			return a.Done()
		}
	}
	// The timer is set to the limit, not to the earlier of the two deadlines: at the
	// parent's deadline it would race with the parent's own timer, and our cause would
	// win half of the time.
	a := &armedCtx{}
	limit := c.limit()
	if parent := under(c.parent, limit); parent == nil {
		a.Context, a.cancel = context.WithCancel(c.parent)
	} else {
		a.Context, a.cancel = context.WithDeadlineCause(parent, limit, c.expiry.err)
	}
	return c.arm(a).Done()
}

// arm makes a the armed context unless there is one already, and returns the armed one.
func (c *lazyCtx) arm(a *armedCtx) *armedCtx {
	if !c.armed.CompareAndSwap(nil, a) {
		a.cancel()
		return c.armed.Load()
	}
	return a
}

// end arms an unarmed context that has ended, and returns nil if it has not. The parent
// is read before the clock: a goroutine descheduled between the two could otherwise
// take a parent's end that came after the limit for an earlier one.
func (c *lazyCtx) end() *armedCtx {
	err := c.parent.Err()
	passed := mono.Now() >= c.deadline
	switch {
	case passed && passedFirst(c.parent, err, c.limit()):
		return c.arm(&armedCtx{endedCtx{c.expiry.ended, context.DeadlineExceeded}, func() {}})
	case err != nil:
		return c.arm(&armedCtx{endedCtx{ending.With(context.Cause(c.parent)), err}, func() {}})
	}
	return nil // not ended, or the parent's deadline came first and its timer is late
}

// Err returns nil until the parent ends, the limit passes or the call returns.
func (c *lazyCtx) Err() error {
	a := c.armed.Load()
	if a == nil {
		if c.parent.Err() == nil && mono.Now() < c.deadline {
			return nil
		}
		if a = c.end(); a == nil {
			return nil
		}
	}
	return a.Err()
}

// Value returns the parent's value for key. Once the context has ended, context.Cause
// finds its cause.
func (c *lazyCtx) Value(key any) any {
	if ending.IsCauseKey(key) {
		a := c.armed.Load()
		if a == nil {
			a = c.end()
		}
		if a != nil {
			return a.Value(key)
		}
	}
	return c.parent.Value(key)
}

// expired reports whether the limit passed before the parent ended. A parent may have the
// same cause: its limit is of the same policy if a function calls through its own pipeline.
func (c *lazyCtx) expired() bool {
	if a := c.armed.Load(); a != nil && a.Err() != nil {
		own := error(c.expiry.err)
		return context.Cause(a) == own && context.Cause(c.parent) != own //nolint:errorlint // identity: another timeout's error is not ours
	}
	err := c.parent.Err()
	return mono.Now() >= c.deadline && passedFirst(c.parent, err, c.limit())
}

// String returns a text, so that a context is printed without a look at its fields.
func (c *lazyCtx) String() string { return c.expiry.text(c.parent) }

func (c *lazyCtx) over() time.Duration { return time.Duration(max(0, mono.Now()-c.deadline)) }

// finish ends the context when its call returns.
func (c *lazyCtx) finish() {
	if c.armed.Load() == nil && c.armed.CompareAndSwap(nil, unarmed) {
		return
	}
	c.armed.Load().cancel()
}

// comesFirst reports whether the parent's own deadline is not later than limit. If the
// two are equal, the outer one counts.
func comesFirst(parent context.Context, limit time.Time) bool {
	d, ok := parent.Deadline()
	return ok && !limit.Before(d)
}

// passedFirst reports whether a limit that has passed did so before parent ended; err
// is what the parent's Err returned. Deadlines are compared before err, because timers
// may be late and both may have passed by now. The time of a cancel is not known, so a
// cancelled parent is taken to have ended first.
func passedFirst(parent context.Context, err error, limit time.Time) bool {
	if comesFirst(parent, limit) {
		return false
	}
	if err == nil {
		return true
	}
	_, bounded := parent.Deadline()
	return bounded && errors.Is(err, context.DeadlineExceeded)
}

// clockCtx is a context with a deadline on a user's clock. It wraps the context that
// the clock made. It adds the cause of the expiry, and it reports the end of the parent
// immediately, which the clock may do later and on another goroutine.
type clockCtx struct {
	context.Context
	parent context.Context
	clock  Clock
	limit  time.Time
	expiry *expiry
	// seen is how the context ended. The first method that finds it ended stores it by
	// compare-and-swap. Without it the answer could change, for example when the parent
	// is cancelled after the limit has passed.
	seen atomic.Pointer[endedCtx]
}

// onClock derives a context from parent that ends d from now on clock.
func onClock(parent context.Context, clock Clock, d time.Duration, e *expiry) (*clockCtx, context.CancelFunc) {
	limit := clock.Now().Add(d)
	inner, cancel := attach(parent, clock, limit, d, e)
	return &clockCtx{Context: inner, parent: parent, clock: clock, limit: limit, expiry: e}, cancel
}

// AfterFunc lets derived contexts attach without a goroutine if the clock's context
// does.
func (c *clockCtx) AfterFunc(f func()) (stop func() bool) { return ending.AfterFunc(c.Context, f) }

// Err returns nil until the parent ends, the limit passes or the call returns.
func (c *clockCtx) Err() error {
	if e := c.end(); e != nil {
		return e.err
	}
	return nil
}

// Value returns the cause to package context once the context has ended.
func (c *clockCtx) Value(key any) any {
	if ending.IsCauseKey(key) {
		if e := c.end(); e != nil {
			return e.Value(key)
		}
	}
	return c.Context.Value(key)
}

// end returns how the context has ended, or nil if it has not.
func (c *clockCtx) end() *endedCtx {
	if e := c.seen.Load(); e != nil {
		return e
	}
	var err error
	select {
	case <-c.Done(): // only after Done: contexts of benbjohnson's Mock read their error without a lock
		err = c.Context.Err()
	default:
	}
	var e *endedCtx
	switch outer := c.parent.Err(); {
	// If the parent had been cancelled first, the clock's context would report that.
	case errors.Is(err, context.DeadlineExceeded) && !comesFirst(c.parent, c.limit):
		e = &endedCtx{c.expiry.ended, context.DeadlineExceeded}
	case err != nil:
		e = &endedCtx{ending.With(context.Cause(c.Context)), err}
	case outer != nil:
		e = &endedCtx{ending.With(context.Cause(c.parent)), outer}
	default:
		return nil
	}
	c.seen.CompareAndSwap(nil, e)
	return c.seen.Load()
}

// expired reports whether the limit passed before the parent ended.
func (c *clockCtx) expired() bool {
	e := c.end()
	return e != nil && e.Context == c.expiry.ended
}

// String returns a text, so that a context is printed without a look at its fields.
func (c *clockCtx) String() string { return c.expiry.text(c.parent) }

func (c *clockCtx) over() time.Duration { return max(0, c.clock.Now().Sub(c.limit)) }
