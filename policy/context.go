package policy

import (
	"context"
	"errors"
	"math"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// epoch is where this package's monotonic time begins. time.Since of a fixed
// time reads the monotonic clock alone, in half the time that time.Now takes.
var epoch = time.Now()

func nanotime() int64 { return int64(time.Since(epoch)) }

// nanotimeIn returns the time in d from now, or the end of time if that is
// sooner.
func nanotimeIn(d time.Duration) int64 {
	now := nanotime()
	if t := now + int64(d); t > now {
		return t
	}
	return math.MaxInt64
}

// causeKey is the key under which package context looks for the context that
// knows a cause. It is unexported there, so we let context.Cause show it to us.
var causeKey = func() any {
	var p keyProbe
	_ = context.Cause(&p)
	return p.key
}()

type keyProbe struct {
	context.Context
	key any
}

func (p *keyProbe) Err() error        { return context.Canceled }
func (p *keyProbe) Value(key any) any { p.key = key; return nil }

// expiry is what the contexts of one policy say when its limit has passed.
type expiry struct {
	err   *TimeoutError   // their cause
	ended context.Context // one of the standard library's that ended with it, to show context.Cause
}

func newExpiry(err *TimeoutError) *expiry {
	ended, cancel := context.WithCancelCause(context.Background())
	cancel(err)
	return &expiry{err, ended}
}

// lazyCtx is a context with a deadline in real time that arms its timer only
// when somebody asks for Done. It is one allocation of at most 96 bytes, and a
// function that ignores it costs one compare-and-swap.
//
// Until it is armed it reckons its state from the clock. From then on it is
// what a context of the standard library, made at that moment, says. Nothing
// less would do: only to one of its own does package context attach what is
// derived from it without a goroutine, however many value contexts lie between.
type lazyCtx struct {
	parent   context.Context
	deadline int64 // monotonic nanoseconds since epoch
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

// unarmed is what a context becomes whose call has returned before it was armed.
var unarmed = func() *armedCtx {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return &armedCtx{ctx, cancel}
}()

// Deadline returns the earlier of the limit and the parent's deadline. The wall
// clock is read anew each time; the monotonic reading is always the same.
func (c *lazyCtx) Deadline() (time.Time, bool) {
	now := time.Now()
	own := now.Add(time.Duration(c.deadline) - now.Sub(epoch))
	if d, ok := c.parent.Deadline(); ok && d.Before(own) {
		return d, true
	}
	return own, true
}

// limit returns the limit for comparisons and timers, which go by the monotonic
// reading; its wall clock may be off.
func (c *lazyCtx) limit() time.Time { return epoch.Add(time.Duration(c.deadline)) }

// Done arms the context.
func (c *lazyCtx) Done() <-chan struct{} { return c.arm().Done() }

func (c *lazyCtx) arm() *armedCtx {
	if a := c.armed.Load(); a != nil {
		return a
	}
	// The limit itself, not the earlier of the two: with the parent's deadline and
	// our cause, a timer of ours would race the parent's to say whose end it was.
	a := &armedCtx{}
	if limit := c.limit(); comesFirst(c.parent, limit) {
		a.Context, a.cancel = context.WithCancel(c.parent)
	} else {
		a.Context, a.cancel = context.WithDeadlineCause(c.parent, limit, c.expiry.err)
	}
	if !c.armed.CompareAndSwap(nil, a) {
		a.cancel()
		return c.armed.Load()
	}
	return a
}

// Err is nil until the parent ends, the limit passes or the call is over.
func (c *lazyCtx) Err() error {
	a := c.armed.Load()
	if a == nil {
		if err := c.parent.Err(); err != nil {
			return err
		}
		if nanotime() < c.deadline {
			return nil
		}
		a = c.arm() // so that the cause is there for who asks for it next
	}
	return a.Err()
}

// Value returns the parent's value. Armed, the context knows its own cause.
func (c *lazyCtx) Value(key any) any {
	a := c.armed.Load()
	if a == nil && key == causeKey && c.Err() != nil {
		a = c.armed.Load() // the limit has passed, unseen till now
	}
	if a == nil || a == unarmed && key != causeKey {
		return c.parent.Value(key)
	}
	return a.Value(key)
}

// expired reports whether the limit passed while the parent was live.
func (c *lazyCtx) expired() bool {
	if a := c.armed.Load(); a != nil && a.Err() != nil {
		return context.Cause(a) == error(c.expiry.err) //nolint:errorlint // identity: another timeout's error is not ours
	}
	return nanotime() >= c.deadline && passedFirst(c.parent, c.limit())
}

func (c *lazyCtx) over() time.Duration { return time.Duration(max(0, nanotime()-c.deadline)) }

// finish ends the context with the call.
func (c *lazyCtx) finish() {
	if c.armed.Load() == nil && c.armed.CompareAndSwap(nil, unarmed) {
		return
	}
	c.armed.Load().cancel()
}

// comesFirst reports whether a context's own deadline comes before a limit that
// was put on it, or with it: of two that fall on one instant the outer one speaks.
func comesFirst(parent context.Context, limit time.Time) bool {
	d, ok := parent.Deadline()
	return ok && !limit.Before(d)
}

// passedFirst reports whether a limit that has passed did so while parent was
// live. Deadlines are compared before Err is asked: a timer may be late, and
// both may have passed by now. Of a parent that was cancelled nobody can tell
// when, and it is taken to have ended first.
func passedFirst(parent context.Context, limit time.Time) bool {
	if comesFirst(parent, limit) {
		return false
	}
	err := parent.Err()
	if err == nil {
		return true
	}
	_, bounded := parent.Deadline()
	return bounded && errors.Is(err, context.DeadlineExceeded)
}

// clockCtx is a context with a deadline on a clock of the user's. It adds to
// what the clock made the cause of its expiry.
type clockCtx struct {
	context.Context
	parent context.Context
	clock  Clock
	limit  time.Time
	expiry *expiry
}

// onClock derives a context with the limit d on clock.
func onClock(parent context.Context, clock Clock, d time.Duration, e *expiry) (*clockCtx, context.CancelFunc) {
	limit := clock.Now().Add(d)
	derive := func() (context.Context, context.CancelFunc) { return clock.WithTimeout(parent, d) }
	if comesFirst(parent, limit) {
		derive = func() (context.Context, context.CancelFunc) { return context.WithCancel(parent) }
	}
	inner, cancel := derive()
	return &clockCtx{Context: inner, parent: parent, clock: clock, limit: limit, expiry: e}, cancel
}

// AfterFunc lets derived contexts attach without a goroutine where the clock's
// own context does.
func (c *clockCtx) AfterFunc(f func()) (stop func() bool) { return AfterFunc(c.Context, f) }

// AfterFunc arranges for f to be called when ctx ends, in step with it if ctx
// has a method AfterFunc, and otherwise as [context.AfterFunc] does, on a
// goroutine of its own. A context that wraps another has it as its own method, so
// that what is derived from it attaches without a goroutine.
func AfterFunc(ctx context.Context, f func()) (stop func() bool) {
	if a, ok := ctx.(interface{ AfterFunc(func()) func() bool }); ok {
		return a.AfterFunc(f)
	}
	return context.AfterFunc(ctx, f)
}

// Value answers package context's search for a cause once the limit has passed.
func (c *clockCtx) Value(key any) any {
	if key == causeKey && c.expired() {
		return c.expiry.ended.Value(key)
	}
	return c.Context.Value(key)
}

// expired reports whether the limit passed while the parent was live: what the
// clock's context ended with is not what the parent had ended with by then.
func (c *clockCtx) expired() bool {
	return errors.Is(c.Err(), context.DeadlineExceeded) && passedFirst(c.parent, c.limit)
}

func (c *clockCtx) over() time.Duration { return max(0, c.clock.Now().Sub(c.limit)) }
