package policy

import (
	"context"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Clock is the part of github.com/benbjohnson/clock.Clock that policies use, so
// that one of its clocks plugs in as it is; package fake has one made for tests
// of policies. Wherever a Clock is asked for, nil means real time.
//
// A clock may have more methods, which are used if they have exactly these
// signatures. They let a virtual clock know who waits for it:
//
//	Sleep(ctx context.Context, d time.Duration) error
//	NewWaiter() policy.Waiter
//	Go(f func())
//	AfterFunc(d time.Duration, f func()) (stop func() bool)
//	WithTimeoutCause(parent context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc)
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
	WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc)
}

// Now returns the time on clock; nil means real time.
func Now(clock Clock) time.Time {
	if clock == nil {
		return time.Now()
	}
	return clock.Now()
}

// Sleep waits for d on clock; nil means real time. It returns nil when d has
// passed and ctx has not ended, and what [Ended] returns as soon as ctx has. In
// real time, and on a clock that has Sleep(ctx, d) error, a sleep that is cut short
// leaves nothing behind. Sleep returns at once if d is 0 or less. It returns the error of
// a clock that cannot sleep.
func Sleep(ctx context.Context, clock Clock, d time.Duration) error {
	switch c := clock.(type) {
	case nil:
		sleepReal(ctx, d)
	case interface {
		Sleep(ctx context.Context, d time.Duration) error
	}:
		if err := c.Sleep(ctx, d); err != nil && ctx.Err() == nil {
			return err
		}
	default:
		if d > 0 {
			select {
			case <-c.After(d):
			case <-ctx.Done():
			}
		}
	}
	// Asked again even if the time is up: if both are ready in the same instant,
	// select picks either, and an ended context must win.
	return Ended(ctx)
}

func sleepReal(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Waiter lets one goroutine wait until another wakes it. Policies that queue or
// fork wait through one, so that a virtual clock knows about it.
type Waiter interface {
	// Wait returns nil once Wake has been called, also if that was before, and what
	// Ended returns if ctx ends first. If both are ready it returns nil: the caller
	// then looks at its own state.
	Wait(ctx context.Context) error
	// Wake ends every Wait, present and future. It never blocks and may be called
	// more than once.
	Wake()
}

// NewWaiter returns a waiter on clock; nil means real time. In a bubble of
// testing/synctest, Wait must be called in the bubble that made the waiter.
func NewWaiter(clock Clock) Waiter {
	if c, ok := clock.(interface{ NewWaiter() Waiter }); ok {
		return c.NewWaiter()
	}
	return &waiter{done: make(chan struct{})}
}

type waiter struct {
	woken atomic.Bool // taken by the one Wake that closes done
	done  chan struct{}
}

func (w *waiter) Wait(ctx context.Context) error {
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-w.done: // both were ready, and select had picked the other
		return nil
	default:
		return Ended(ctx)
	}
}

func (w *waiter) Wake() {
	if w.woken.CompareAndSwap(false, true) {
		close(w.done)
	}
}

// Go runs f on a goroutine of its own, one that clock knows about if it has a
// method Go.
func Go(clock Clock, f func()) {
	if c, ok := clock.(interface{ Go(f func()) }); ok {
		c.Go(f)
		return
	}
	go f()
}

// AfterFunc calls f on a goroutine of its own, or on the one that moves a virtual
// clock, when d has passed on clock; nil means real time. The stop function reports
// whether it kept f from being called, and leaves nothing behind.
func AfterFunc(clock Clock, d time.Duration, f func()) (stop func() bool) {
	switch c := clock.(type) {
	case nil:
		return time.AfterFunc(d, f).Stop
	case interface {
		AfterFunc(d time.Duration, f func()) (stop func() bool)
	}:
		return c.AfterFunc(d, f)
	}
	// The state says who was first, by one compare-and-swap: otherwise stop could
	// return true while f begins.
	var decided atomic.Bool
	stopped := make(chan struct{})
	due := clock.After(d)
	go func() {
		select {
		case <-due:
			if decided.CompareAndSwap(false, true) {
				f()
			}
		case <-stopped:
		}
	}()
	return func() bool {
		if !decided.CompareAndSwap(false, true) {
			return false
		}
		close(stopped)
		return true
	}
}
