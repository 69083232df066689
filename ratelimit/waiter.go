package ratelimit

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// waiter is a call in the line. Its goroutine waits on turn until the call is the first,
// and then sleeps until its tokens are available.
type waiter struct {
	spot
	limiter *Limiter
	turn    policy.Waiter
	bound   string // the Reason of a refusal at latest
	leads   bool   // it was the first on arrival, and needs no turn
	delay   int64  // the expected wait on arrival

	// Guarded by the limiter's lock.
	began       int64              // time of arrival
	latest      int64              // its tokens must be available by then
	interrupt   context.CancelFunc // ends the sleep of the first waiter
	refused     error              // the error if SetRate or Pause refused it
	ringing     bool
	alsoRinging *waiter
	took        int64 // the wait, from arrival to admission

	over bool // wait has returned; used only by its own goroutine
}

// join books n tokens within most, and returns a waiter if the call has to wait for them.
// bound is the Reason if it is refused.
func (l *Limiter) join(n int, most int64, bound string) (w *waiter, refused error) {
	turn := policy.NewWaiter(l.clock)
	b, now := l.lock()
	defer func() { b.line.unlock(&l.mu) }()
	if n > b.burst {
		return nil, &costError{l.name, n, b.burst}
	}
	base, from, due, ok := b.book(n, now, most)
	switch {
	case !ok:
		b.line.publish()
		return nil, l.refuse(n)
	case due == now:
		b.line.publish()
		return nil, nil
	}
	w = &waiter{limiter: l, turn: turn, bound: bound, began: now, latest: now + most, delay: due - now}
	w.tokens, w.cost, w.waiter = n, int64(n)*b.cost, w
	b.line.add(&w.spot, base, from, now)
	w.leads = b.line.head == w
	return w, nil
}

// wait waits until the tokens are available, ctx ends, or SetRate or Pause makes them too
// late. It always leaves the line.
func (w *waiter) wait(ctx context.Context) (err error) {
	if !w.leads {
		if err := w.turn.Wait(ctx); err != nil {
			return w.leave(ctx, err)
		}
	}
	for {
		if done, err := w.sleep(ctx); done {
			return err
		}
	}
}

// sleep is the loop body of the first waiter. It reports whether the wait is over. The end
// of ctx wins over tokens that are due.
func (w *waiter) sleep(ctx context.Context) (done bool, err error) {
	if err := ctx.Err(); err != nil {
		return true, w.leave(ctx, err)
	}
	asleep, interrupt := context.WithCancel(ctx)
	defer interrupt()
	d, done, err := w.plan(interrupt)
	if done {
		return true, err
	}
	err = policy.Sleep(asleep, w.limiter.clock, d)
	if err != nil && asleep.Err() == nil {
		return true, w.leave(ctx, err) // the clock cannot sleep
	}
	return false, nil
}

// plan admits the first waiter if its tokens are available. Otherwise it returns how long
// to sleep.
func (w *waiter) plan(interrupt context.CancelFunc) (d time.Duration, done bool, err error) {
	n := w.line
	now := w.limiter.step(n)
	defer n.unlock(&w.limiter.mu)
	if w.refused != nil {
		return 0, true, w.refused
	}
	due := n.headDue()
	if due <= now || n.lost {
		w.took = now - w.began
		n.serve(now)
		return 0, true, nil
	}
	w.interrupt = interrupt
	return duration(due - now), false, nil
}

// leave removes a waiter from the line because its context has ended, or because its
// clock cannot sleep. The waiters behind move up.
func (w *waiter) leave(ctx context.Context, err error) error {
	n := w.line
	now := w.limiter.step(n)
	defer n.unlock(&w.limiter.mu)
	if w.refused != nil {
		return w.refused
	}
	w.quit(now)
	if ended := policy.Ended(ctx); ended != nil {
		return &leftError{ended}
	}
	return err
}

// quit takes a waiter out of the line, unless it is out. The caller holds the lock.
func (w *waiter) quit(now int64) {
	if !w.out {
		w.line.remove(&w.spot, now)
	}
}
