//go:build ductile_explore

package explore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
)

// interval is what a token of the scenes takes.
const interval = 100 * time.Nanosecond

// hurried is a clock that moves when a thread sleeps, to the end of the sleep, at any moment
// that the explorer chooses. Threads that wait for each other wait by the explorer.
type hurried struct {
	now    time.Time
	latest time.Time // no thread sleeps beyond it; no limit if zero
	late   bool
}

func (c *hurried) Now() time.Time {
	touch(c)
	return c.now
}

func (c *hurried) After(time.Duration) <-chan time.Time { panic("no policy of the scenes asks for it") }

func (c *hurried) WithTimeout(parent context.Context, _ time.Duration) (context.Context, context.CancelFunc) {
	return context.WithCancel(parent)
}

func (c *hurried) NewWaiter() policy.Waiter { return &stop{} }

// Sleep lets others go on, and moves time if ctx has not ended meanwhile.
func (c *hurried) Sleep(ctx context.Context, d time.Duration) error {
	touch(c)
	at := c.now.Add(d)
	touch(c)
	if ctx.Err() != nil {
		return policy.Ended(ctx)
	}
	if !c.latest.IsZero() && at.After(c.latest) {
		c.late = true
	}
	if at.After(c.now) {
		c.now = at
	}
	touch(c) // the context may end as the time comes
	return policy.Ended(ctx)
}

func (c *hurried) advance(d time.Duration) {
	touch(c)
	c.now = c.now.Add(d)
}

// stop is a waiter of a thread.
type stop struct{ woken bool }

func (w *stop) Wait(ctx context.Context) error {
	Wait(w, func() bool { return w.woken || ctx.Err() != nil })
	if w.woken {
		return nil
	}
	return policy.Ended(ctx)
}

func (w *stop) Wake() {
	touch(w)
	w.woken = true
}

// tap is a limiter under exploration, with what is known of it from outside.
type tap struct {
	*ratelimit.Limiter
	clk    *hurried
	start  time.Time
	taken  int // tokens that were granted
	served map[string]time.Duration
	left   map[string]bool
	faults []string
}

func newTap(burst int) *tap {
	clk := &hurried{now: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}
	r := &tap{clk: clk, start: clk.now, served: map[string]time.Duration{}, left: map[string]bool{}}
	r.Limiter = ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: interval, Burst: burst, Clock: clk})
	return r
}

// empty takes all that there is.
func (r *tap) empty() *tap {
	for r.Allow(1) {
		r.taken++
	}
	return r
}

func (r *tap) locks() []*sync.Mutex {
	mu := reflect.ValueOf(r.Limiter).Elem().FieldByName("mu")
	return []*sync.Mutex{(*sync.Mutex)(mu.Addr().UnsafePointer())}
}

func (r *tap) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// allow is a thread that asks for a token.
func (r *tap) allow() {
	if r.Allow(1) {
		touch(&r.taken)
		r.taken++
	}
}

// wait is a thread that waits for a token.
func (r *tap) wait(ctx context.Context, name string) func() {
	return func() {
		err := r.Wait(ctx, 1)
		touch(r)
		switch {
		case err == nil:
			r.taken++
			r.served[name] = r.clk.now.Sub(r.start)
		case errors.Is(err, context.Canceled) && errors.Is(err, policy.ErrRejected):
			r.left[name] = true
		default:
			r.fault("%s waited and got %v", name, err)
		}
	}
}

// leave is a thread that ends a context.
func (r *tap) leave(cancel context.CancelFunc) func() {
	return func() {
		touch(r.clk)
		cancel()
	}
}

func (r *tap) reserve() ratelimit.Reservation {
	got, err := r.Reserve(1, -1)
	if err != nil {
		panic(err)
	}
	return got
}

// settle checks a limiter when its threads have ended: its line is empty, and it has the
// tokens that have come and were not taken, up to its burst. extra is how many were promised
// and not taken.
func (r *tap) settle(extra int) {
	s := r.Snapshot()
	came := s.Burst + int(r.clk.now.Sub(r.start)/interval)
	switch {
	case s.Waiting != 0:
		r.fault("%d are left in the line", s.Waiting)
	case s.Tokens > s.Burst:
		r.fault("%d tokens, the burst is %d", s.Tokens, s.Burst)
	case s.Tokens > came-r.taken-extra:
		r.fault("%d tokens are left of %d, and %d were taken", s.Tokens, came, r.taken+extra)
	}
}

// exact is settle where no token can have been lost to a full bucket.
func (r *tap) exact(extra int) {
	r.settle(extra)
	s := r.Snapshot()
	if came := s.Burst + int(r.clk.now.Sub(r.start)/interval); s.Tokens != came-r.taken-extra {
		r.fault("%d tokens are left of %d, and %d were taken", s.Tokens, came, r.taken+extra)
	}
}
