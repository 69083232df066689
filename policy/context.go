package policy

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"
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

// endedByReturn is a context of the standard library's that ended as that of a call
// that has returned.
var endedByReturn = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// lazyCtx is a context with a deadline in real time that arms its timer only
// when somebody asks for Done. It is one allocation of at most 96 bytes, and a
// function that ignores it costs one compare-and-swap.
//
// Until it is armed it reckons its state from the clock, and from its parent.
type lazyCtx struct {
	parent   context.Context
	deadline int64 // monotonic nanoseconds since epoch
	expiry   *expiry

	// armed goes from nil to what was armed or to over, once, by
	// compare-and-swap: whether arming or the end of the call comes first, the
	// other sees it, so that no timer outlives the call.
	armed atomic.Pointer[armed]
}

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

// Done arms the context. As with any context, the channel may be closed a moment
// after the parent has ended; Err is never behind.
func (c *lazyCtx) Done() <-chan struct{} { return c.arm().done }

// Err is nil until the parent ends, the limit passes or the call returns.
func (c *lazyCtx) Err() error {
	switch c.settle() {
	case byLimit:
		return context.DeadlineExceeded
	case byReturn:
		return context.Canceled
	case byParent:
		return c.parent.Err()
	}
	return nil
}

// Value returns the parent's value, except to context.Cause, which finds the
// cause of this context's own end.
func (c *lazyCtx) Value(key any) any {
	if key == causeKey {
		switch c.settle() {
		case byLimit:
			return c.expiry.ended.Value(key)
		case byReturn:
			return endedByReturn.Value(key)
		}
	}
	return c.parent.Value(key)
}

// AfterFunc lets derived contexts attach without a goroutine.
func (c *lazyCtx) AfterFunc(f func()) (stop func() bool) { return c.arm().attach(f) }

// settle returns how the context ended, after ending it if that is due: a parent
// that is asked right after its cancel has ended for its children too, though
// they hear of it on a goroutine of package context's.
func (c *lazyCtx) settle() ending {
	a := c.armed.Load()
	if a != nil {
		if how := a.how(); how != live {
			return how
		}
	}
	switch {
	case c.parent.Err() != nil:
		if a == nil {
			return byParent
		}
		a.end(byParent)
	case a == nil && nanotime() >= c.deadline:
		a = c.arm() // which ends it
	case a == nil:
		return live
	}
	return a.how()
}

// expired reports whether the limit passed while the parent was live.
func (c *lazyCtx) expired() bool {
	if a := c.armed.Load(); a != nil && a.how() != live {
		return a.how() == byLimit
	}
	return nanotime() >= c.deadline && c.parent.Err() == nil
}

// finish ends the context with the call.
func (c *lazyCtx) finish() {
	if c.armed.Load() == nil && c.armed.CompareAndSwap(nil, over) {
		return
	}
	c.armed.Load().end(byReturn)
}

// clockCtx is a context with a deadline on a clock of the user's. It adds to
// what the clock made the cause of its expiry.
type clockCtx struct {
	context.Context
	parent context.Context
	expiry *expiry
}

// AfterFunc lets derived contexts attach without a goroutine where the clock's
// own context does.
func (c *clockCtx) AfterFunc(f func()) (stop func() bool) {
	if a, ok := c.Context.(interface{ AfterFunc(func()) func() bool }); ok {
		return a.AfterFunc(f)
	}
	return context.AfterFunc(c.Context, f)
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
	if !errors.Is(c.Err(), context.DeadlineExceeded) {
		return false
	}
	own, _ := c.Deadline()
	if d, ok := c.parent.Deadline(); ok && !own.Before(d) {
		return c.parent.Err() == nil
	}
	return true
}
