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

// lazyCtx is a context with a deadline in real time that arms its timer only
// when somebody asks for Done. It is one allocation of at most 96 bytes, and a
// function that ignores it costs one compare-and-swap.
//
// Until it is armed it reckons its state from the clock. From then on it is
// what a context of the standard library, made at that moment, says; derived
// contexts attach to that one without a goroutine.
type lazyCtx struct {
	parent   context.Context
	deadline int64         // monotonic nanoseconds since epoch
	expiry   *TimeoutError // the cause of an expiry

	// armed goes from nil to the armed context or to over, once, by
	// compare-and-swap: whether arming or the end of the call comes first, the
	// other sees it, so that no timer outlives the call.
	armed atomic.Pointer[armedCtx]
}

type armedCtx struct {
	context.Context
	cancel context.CancelFunc
}

// over is what a context becomes whose call has returned before it was armed.
var over = func() *armedCtx {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return &armedCtx{ctx, cancel}
}()

// Deadline returns the earlier of the limit and the parent's deadline. The wall
// clock is read anew each time; the monotonic reading is always the same.
func (c *lazyCtx) Deadline() (time.Time, bool) {
	own := c.limit()
	if d, ok := c.parent.Deadline(); ok && d.Before(own) {
		return d, true
	}
	return own, true
}

func (c *lazyCtx) limit() time.Time {
	now := time.Now()
	return now.Add(time.Duration(c.deadline) - now.Sub(epoch))
}

// Done arms the context.
func (c *lazyCtx) Done() <-chan struct{} { return c.arm().Done() }

func (c *lazyCtx) arm() *armedCtx {
	if a := c.armed.Load(); a != nil {
		return a
	}
	// The limit itself, not the earlier of the two: with the parent's deadline and
	// our cause, a timer of ours would race the parent's to say whose end it was.
	// Where both fall on the same instant it is the parent's.
	a := &armedCtx{}
	limit := c.limit()
	if d, ok := c.parent.Deadline(); ok && !limit.Before(d) {
		a.Context, a.cancel = context.WithCancel(c.parent)
	} else {
		a.Context, a.cancel = context.WithDeadlineCause(c.parent, limit, c.expiry)
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
	if a == nil || a == over && key != causeKey {
		return c.parent.Value(key)
	}
	return a.Value(key)
}

// expired reports whether the limit passed while the parent was live.
func (c *lazyCtx) expired() bool {
	if a := c.armed.Load(); a != nil && a.Err() != nil {
		return context.Cause(a) == error(c.expiry) //nolint:errorlint // identity: another timeout's error is not ours
	}
	return nanotime() >= c.deadline && c.parent.Err() == nil
}

// finish ends the context with the call.
func (c *lazyCtx) finish() {
	if !c.armed.CompareAndSwap(nil, over) {
		c.armed.Load().cancel()
	}
}

// clockCtx is a context with a deadline on a clock of the user's. It adds to
// what the clock made the cause of its expiry.
type clockCtx struct {
	context.Context
	parent context.Context
	ended  context.Context // ended with the expiry as its cause
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
		return c.ended.Value(key)
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
