package policy

import (
	"context"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Clock is the part of github.com/benbjohnson/clock.Clock that policies use, so that
// its clocks can be used as they are. Package fake has a clock made for tests of
// policies. A nil Clock means real time everywhere in this module.
//
// A clock may have more methods. Those with exactly these signatures are used, and let
// a virtual clock know what is waiting for it:
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

// Sleep waits for d on clock; nil means real time. It returns nil after d, or the error
// of [Ended] as soon as ctx has ended, even if d has passed at the same moment. It
// returns at once if d is not positive. A sleep that is cut short leaves no timer
// behind, in real time and on a clock with a Sleep method. If that method fails, Sleep
// returns its error.
func Sleep(ctx context.Context, clock Clock, d time.Duration) error {
	cut := false // Done has cut the sleep short
	switch c := clock.(type) {
	case nil:
		cut = sleepReal(ctx, d)
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
				cut = true
			}
		}
	}
	// Check again even if d has passed: if the timer and ctx are both ready, select
	// picks one at random, and an ended context must win.
	if cut {
		return leftBy(ctx)
	}
	return Ended(ctx)
}

func sleepReal(ctx context.Context, d time.Duration) (cut bool) {
	if d <= 0 {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return false
	case <-ctx.Done():
		return true
	}
}

// leftBy returns the error of Ended for a context that has closed Done. A context of a
// user's may close it before Err returns an error; nil would say that the wait is over.
func leftBy(ctx context.Context) error {
	if err := Ended(ctx); err != nil {
		return err
	}
	return context.Canceled
}

// Waiter lets one goroutine wait until another wakes it. Policies that queue or start
// goroutines wait with it, so that a virtual clock knows about it.
type Waiter interface {
	// Wait returns nil once Wake has been called, even if that was before Wait. If ctx
	// ends first, it returns the error of [Ended]. If both are ready it returns nil,
	// and the caller checks its own state.
	Wait(ctx context.Context) error
	// Wake ends every Wait, now and later. It never blocks, and may be called more than
	// once.
	Wake()
}

// NewWaiter returns a waiter on clock; nil means real time. In a testing/synctest
// bubble, call Wait in the bubble that called NewWaiter.
func NewWaiter(clock Clock) Waiter {
	if c, ok := clock.(interface{ NewWaiter() Waiter }); ok {
		return c.NewWaiter()
	}
	return &waiter{done: make(chan struct{})}
}

type waiter struct {
	woken atomic.Bool // set by the one Wake that closes done
	done  chan struct{}
}

func (w *waiter) Wait(ctx context.Context) error {
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-w.done: // both were ready, and select picked the other
		return nil
	default:
		return leftBy(ctx)
	}
}

func (w *waiter) Wake() {
	if w.woken.CompareAndSwap(false, true) {
		close(w.done)
	}
}

// Go runs f on a new goroutine, started by the clock if it has a Go method.
func Go(clock Clock, f func()) {
	if c, ok := clock.(interface{ Go(f func()) }); ok {
		c.Go(f)
		return
	}
	go f()
}

// AfterFunc calls f after d on clock; nil means real time. f runs on its own goroutine,
// or on the goroutine that moves a virtual clock. stop reports whether it prevented the
// call of f; it leaves no timer behind. In real time, f starts at once if d <= 0, and stop
// returns false.
func AfterFunc(clock Clock, d time.Duration, f func()) (stop func() bool) {
	switch c := clock.(type) {
	case nil:
		if d <= 0 {
			// No timer: two that are due at once in one synctest bubble may crash Go's race
			// detector (Go 1.26.8 runs both with one racectx).
			go f()
			return func() bool { return false }
		}
		return time.AfterFunc(d, f).Stop
	case interface {
		AfterFunc(d time.Duration, f func()) (stop func() bool)
	}:
		return c.AfterFunc(d, f)
	}
	// decided changes once, by compare-and-swap: without it, stop could return true
	// while f begins.
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
