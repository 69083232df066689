package hedge

import (
	"context"
	"runtime"
	"slices"

	"github.com/ductile-go/ductile/policy"
)

// settle comes to the result of a call for which one attempt on the caller's goroutine was
// not enough. a is the one that has just ended on it, or nil.
func (c *call[T]) settle(a *attempt[T]) (T, error) {
	clock := c.hedge.cfg.Clock
	for {
		if a != nil {
			if more := c.end(a); more != nil { // others are running: the caller is there for them
				policy.Go(clock, func() { c.runAll(more) })
			}
			a = nil
		}
		switch s := c.look(); {
		case s.verdict != nil:
			return c.take(s)
		case s.running > 0:
			if !c.wait() {
				return c.leave()
			}
		default:
			again, ended := c.again(s)
			switch {
			case ended != nil:
				return c.leave()
			case again == nil:
				return c.fail(s)
			case c.hedge.cfg.Abandon:
				policy.Go(clock, func() { c.runAll(again) })
			default:
				c.try(again)
				a = again
			}
		}
	}
}

// wait waits until the call is decided or nothing is running, and reports whether the caller
// is still there.
func (c *call[T]) wait() bool {
	w := policy.NewWaiter(c.hedge.cfg.Clock)
	running := func(s *state[T]) bool { return s.verdict == nil && s.running > 0 }
	_, after := c.move(func(s *state[T]) bool {
		s.waiter = w
		return running(s)
	})
	if after == nil || w.Wait(c.Context) == nil {
		return true
	}
	// The caller leaves with the first state that all agree on: a success that got there
	// before is taken.
	before, after := c.move(func(s *state[T]) bool {
		s.over, s.turn, s.waiter = true, &noTurn, nil
		return running(s)
	})
	if after == nil {
		return true
	}
	before.turn.halt()
	return false
}

// again begins the next attempt because the last one that was running has failed. It
// returns nil if there is none, and the end of the context if that came during a wait for what
// the error asks for.
func (c *call[T]) again(s *state[T]) (a *attempt[T], ended error) {
	if !s.last.worth || !c.open(s) {
		return nil, nil
	}
	if !s.until.IsZero() && c.Context.Err() == nil { // begin looks at the context too
		wait := s.until.Sub(policy.Now(c.hedge.cfg.Clock))
		if err := policy.Sleep(c.Context, c.hedge.cfg.Clock, wait); err != nil {
			return nil, err
		}
	}
	return c.begin(nil, byFailure), nil
}

// take returns what the attempt that decided the call came to.
func (c *call[T]) take(s *state[T]) (T, error) {
	a := s.verdict
	c.stopFirst()
	c.cancelLosers(s) // its goroutine does so too, and may not have come to it yet
	c.settled = true
	c.drop(s.last)
	if a.broken() {
		c.release(a)
		if a.panicked != nil {
			panic(a.panicked.Value)
		}
		runtime.Goexit()
	}
	told := false
	defer func() {
		if !told { // an observer panicked, and the caller does not get the value
			c.release(a)
			c.drop(a)
		}
	}()
	c.recovered(a, s.last)
	told = true
	if c.hedge.keep != nil && a.err == nil {
		return c.hold(a), nil
	}
	c.release(a)
	return a.v, a.err
}

// hold hands the winner's value to the function of WithKeep.
func (c *call[T]) hold(a *attempt[T]) T {
	var ctx context.Context = a
	release := func() { c.release(a) }
	if a.n == 1 {
		ctx, release = c, func() { c.first.end(c.Context, nil) }
	}
	kept := false
	defer func() {
		if !kept {
			release()
		}
	}()
	v := c.hedge.keep(ctx, a.v, release)
	kept, c.kept = true, a.n == 1
	return v
}

// leave ends a call whose caller has gone while it waited.
func (c *call[T]) leave() (T, error) {
	s := c.look()
	c.stopFirst()
	c.cancelLosers(s)
	c.settled = true
	c.drop(s.last)
	var zero T
	return zero, s.join(policy.Ended(c.Context))
}

// fail ends a call none of whose attempts has won, with the last result.
func (c *call[T]) fail(s *state[T]) (T, error) {
	c.stopFirst()
	c.settled = true
	if s.last.err == nil {
		return s.last.v, nil
	}
	return s.last.v, s.join(nil)
}

// join returns the errors of the attempts and the end of the context, which may be nil. A
// single one is returned as it is.
func (s *state[T]) join(ended error) error {
	var errs []error
	if ended != nil {
		errs = append(errs, ended)
	}
	for a := s.last; a != nil; a = a.before {
		if a.err != nil {
			errs = append(errs, a.err)
		}
	}
	if len(errs) == 1 {
		return errs[0]
	}
	slices.Reverse(errs)
	return &Error{Attempts: s.begun, Errs: errs}
}

// abort ends a call whose goroutine panicked or called Goexit: in an attempt that ran on it,
// or in a function of the user's.
func (c *call[T]) abort() {
	c.stopFirst()
	before, after := c.move(func(s *state[T]) bool {
		s.over, s.turn, s.waiter = true, &noTurn, nil
		return true
	})
	before.turn.halt()
	c.cancelLosers(after)
	c.drop(before.last)
	if before.verdict != nil { // the caller does not get it
		c.late(before.verdict)
	}
}
