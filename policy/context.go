package policy

import (
	"context"
	"errors"
	"math"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/internal/mono"
)

// deadline returns the monotonic time in d from now, or the end of time if that is
// sooner.
func deadline(now int64, d time.Duration) int64 {
	if t := now + int64(d); t > now {
		return t
	}
	return math.MaxInt64
}

// expiry is what the contexts of one policy say when its limit has passed.
type expiry struct {
	err   *TimeoutError   // their cause
	ended context.Context // one of the standard library's that ended with it, to show context.Cause
}

func newExpiry(err *TimeoutError) *expiry { return &expiry{err, ending.With(err)} }

// lazyCtx is a context with a deadline in real time that arms its timer only
// when somebody asks for Done. It is one allocation of at most 96 bytes, and a
// function that ignores it costs one compare-and-swap.
//
// Until it is armed it derives its state from the clock and its parent. From then on
// it is what a context of the standard library, made at that moment, says: only to
// one of its own does package context attach derived contexts without a goroutine,
// however many value contexts lie between.
//
// Whoever sees it ended arms it with that end, so that what has been seen stays true
// when the call returns.
type lazyCtx struct {
	parent   context.Context
	deadline int64 // by package mono
	expiry   *expiry

	// armed goes from nil to the armed context or to unarmed, once, by
	// compare-and-swap: whether arming or the end of the call comes first, the
	// other sees it, so that no timer outlives the call.
	armed atomic.Pointer[armedCtx]
}

type armedCtx struct {
	context.Context
	cancel context.CancelFunc
}

// unarmed is what a context becomes if its call returns before it is armed.
var unarmed = func() *armedCtx {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return &armedCtx{ctx, cancel}
}()

// endedCtx is a context that had ended before it was armed.
type endedCtx struct {
	context.Context // of the standard library, ended with the cause
	parent          context.Context
	err             error
}

func (e endedCtx) Err() error { return e.err }

func (e endedCtx) Value(key any) any {
	if ending.IsCauseKey(key) {
		return e.Context.Value(key)
	}
	return e.parent.Value(key)
}

// Deadline returns the earlier of the limit and the parent's deadline. The wall
// clock is read anew each time; the monotonic reading is always the same.
func (c *lazyCtx) Deadline() (time.Time, bool) {
	own := mono.Time(c.deadline)
	if d, ok := c.parent.Deadline(); ok && d.Before(own) {
		return d, true
	}
	return own, true
}

// limit returns the limit for comparisons with the parent's deadline, and for timers,
// which go by the monotonic reading. Its wall clock is right if the parent has a
// deadline to compare it with.
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
	if c.parent.Err() != nil { // else what is derived from it now will say whose end comes first
		if a := c.end(); a != nil {
			return a.Done()
		}
	}
	// The limit itself, not the earlier of the two: with the parent's deadline and
	// our cause, a timer of ours would race the parent's to say whose end it was.
	a := &armedCtx{}
	if limit := c.limit(); comesFirst(c.parent, limit) {
		a.Context, a.cancel = context.WithCancel(c.parent)
	} else {
		a.Context, a.cancel = context.WithDeadlineCause(c.parent, limit, c.expiry.err)
	}
	return c.arm(a).Done()
}

// arm makes a the armed context, unless there is one already, and returns the
// armed one.
func (c *lazyCtx) arm(a *armedCtx) *armedCtx {
	if !c.armed.CompareAndSwap(nil, a) {
		a.cancel()
		return c.armed.Load()
	}
	return a
}

// end arms an unarmed context if it has ended, and returns nil if it has not. The
// parent is looked at before the clock: a goroutine descheduled in between would
// otherwise take the end of a parent that came after the limit for an earlier one.
func (c *lazyCtx) end() *armedCtx {
	err := c.parent.Err()
	passed := mono.Now() >= c.deadline
	switch {
	case passed && passedFirst(c.parent, err, c.limit()):
		return c.arm(&armedCtx{endedCtx{c.expiry.ended, c.parent, context.DeadlineExceeded}, func() {}})
	case err != nil:
		return c.arm(&armedCtx{endedCtx{ending.With(context.Cause(c.parent)), c.parent, err}, func() {}})
	}
	return nil // or the parent's deadline came first, and its timer is late
}

// Err returns nil until the parent ends, the limit passes or the call is over.
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

// Value returns the parent's value. Once it has ended, the context knows its own
// cause.
func (c *lazyCtx) Value(key any) any {
	a := c.armed.Load()
	if a == nil && ending.IsCauseKey(key) {
		a = c.end()
	}
	if a == nil || a == unarmed && !ending.IsCauseKey(key) {
		return c.parent.Value(key)
	}
	return a.Value(key)
}

// expired reports whether the limit passed while the parent was live.
func (c *lazyCtx) expired() bool {
	if a := c.armed.Load(); a != nil && a.Err() != nil {
		return context.Cause(a) == error(c.expiry.err) //nolint:errorlint // identity: another timeout's error is not ours
	}
	err := c.parent.Err()
	return mono.Now() >= c.deadline && passedFirst(c.parent, err, c.limit())
}

func (c *lazyCtx) over() time.Duration { return time.Duration(max(0, mono.Now()-c.deadline)) }

// finish ends the context with the call.
func (c *lazyCtx) finish() {
	if c.armed.Load() == nil && c.armed.CompareAndSwap(nil, unarmed) {
		return
	}
	c.armed.Load().cancel()
}

// comesFirst reports whether a context's own deadline comes before a limit that
// was put on it, or with it: of two that fall on one instant the outer one counts.
func comesFirst(parent context.Context, limit time.Time) bool {
	d, ok := parent.Deadline()
	return ok && !limit.Before(d)
}

// passedFirst reports whether a limit that has passed did so while parent, whose Err
// returned err, was live. Deadlines are compared before err: a timer may be late, and
// both may have passed by now. When a parent was cancelled is not known, and it is taken
// to have ended first.
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

// clockCtx is a context with a deadline on a clock of the user's. It adds to what the
// clock made the cause of its expiry, and the parent's end, which the clock's context
// may learn of later and on another goroutine.
type clockCtx struct {
	context.Context
	parent context.Context
	clock  Clock
	limit  time.Time
	expiry *expiry
	// seen is how the context ended, decided by the first look at it and stored by
	// compare-and-swap: what comes later, such as a parent that is cancelled after the
	// limit has passed, would change the answer otherwise.
	seen atomic.Pointer[endedCtx]
}

// onClock derives a context with the limit d on clock.
func onClock(parent context.Context, clock Clock, d time.Duration, e *expiry) (*clockCtx, context.CancelFunc) {
	limit := clock.Now().Add(d)
	derive := func() (context.Context, context.CancelFunc) { return clock.WithTimeout(parent, d) }
	if comesFirst(parent, limit) {
		derive = func() (context.Context, context.CancelFunc) { return context.WithCancel(parent) }
	} else if c, ok := clock.(interface {
		WithTimeoutCause(parent context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc)
	}); ok {
		derive = func() (context.Context, context.CancelFunc) { return c.WithTimeoutCause(parent, d, e.err) }
	}
	inner, cancel := derive()
	return &clockCtx{Context: inner, parent: parent, clock: clock, limit: limit, expiry: e}, cancel
}

// AfterFunc lets derived contexts attach without a goroutine where the clock's
// own context does.
func (c *clockCtx) AfterFunc(f func()) (stop func() bool) { return ending.AfterFunc(c.Context, f) }

// Err returns nil until the parent ends, the limit passes or the call is over.
func (c *clockCtx) Err() error {
	if e := c.end(); e != nil {
		return e.err
	}
	return nil
}

// Value answers package context's search for a cause once the context has ended.
func (c *clockCtx) Value(key any) any {
	if ending.IsCauseKey(key) {
		if e := c.end(); e != nil {
			return e.Context.Value(key)
		}
	}
	return c.Context.Value(key)
}

// end returns how the context has ended, or nil.
func (c *clockCtx) end() *endedCtx {
	if e := c.seen.Load(); e != nil {
		return e
	}
	var err error
	select {
	case <-c.Done(): // only now: contexts of benbjohnson's Mock read their error without a lock
		err = c.Context.Err()
	default:
	}
	var e *endedCtx
	switch outer := c.parent.Err(); {
	// Had the parent been cancelled first, the clock's context would say so too.
	case errors.Is(err, context.DeadlineExceeded) && !comesFirst(c.parent, c.limit):
		e = &endedCtx{c.expiry.ended, c.parent, context.DeadlineExceeded}
	case err != nil:
		e = &endedCtx{ending.With(context.Cause(c.Context)), c.parent, err}
	case outer != nil:
		e = &endedCtx{ending.With(context.Cause(c.parent)), c.parent, outer}
	default:
		return nil
	}
	c.seen.CompareAndSwap(nil, e)
	return c.seen.Load()
}

// expired reports whether the limit passed while the parent was live.
func (c *clockCtx) expired() bool {
	e := c.end()
	return e != nil && e.Context == c.expiry.ended
}

func (c *clockCtx) over() time.Duration { return max(0, c.clock.Now().Sub(c.limit)) }
