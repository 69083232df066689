package hedge

import (
	"context"
	"runtime"
	"slices"

	"github.com/ductile-go/ductile/policy"
)

// settle returns the result of a call that one attempt on the caller's goroutine did not
// complete. a is the attempt that has just ended there, or nil.
func (c *call[T]) settle(a *attempt[T]) (T, error) {
	clock := c.hedge.cfg.Clock
	for {
		if a != nil {
			if more := c.end(a); more != nil { // others are running, and the caller waits for them
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

// wait waits until the call is decided or no attempt is running. It returns false if the
// caller's context ended first.
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
	// The caller leaves by a step of the state, so all goroutines agree on the order: a
	// success published before that step is returned.
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

// again starts the next attempt after the last running one failed. It returns nil if no
// attempt starts, and the end of the context if it came during a wait for RetryAfter.
func (c *call[T]) again(s *state[T]) (a *attempt[T], ended error) {
	if !s.last.worth || !c.open(s) {
		return nil, nil
	}
	if !s.until.IsZero() && c.Context.Err() == nil { // begin checks the context too
		if err := policy.Sleep(c.Context, c.hedge.cfg.Clock, c.left(s)); err != nil {
			return nil, err
		}
	}
	return c.begin(nil, byFailure), nil
}

// take returns the result of the attempt that decided the call.
func (c *call[T]) take(s *state[T]) (T, error) {
	a := s.verdict
	c.stopFirst()
	c.cancelLosers(s) // the winner's goroutine does this too, but maybe later
	c.settled = true
	told := false
	defer func() {
		if !told { // the attempt or an observer panicked, so the caller does not get the value
			c.release(a)
			c.drop(a)
		}
	}()
	c.drop(s.last)
	if a.broken() {
		if a.panicked != nil {
			panic(a.panicked.Value)
		}
		runtime.Goexit()
	}
	c.recovered(a, s.last)
	told = true
	if c.hedge.keep != nil && a.err == nil {
		return c.hold(a), nil
	}
	c.release(a)
	return a.v, a.err
}

// hold passes the winner's value to the function of WithKeep.
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

// leave ends a call whose caller's context ended during a wait.
func (c *call[T]) leave() (T, error) {
	s := c.look()
	c.stopFirst()
	c.cancelLosers(s)
	c.settled = true
	c.drop(s.last)
	var zero T
	return zero, s.join(policy.Ended(c.Context))
}

// fail ends a call in which no attempt won, with the last result.
func (c *call[T]) fail(s *state[T]) (T, error) {
	c.stopFirst()
	c.settled = true
	if s.last.err == nil {
		return s.last.v, nil
	}
	return s.last.v, s.join(nil)
}

// join combines the errors of the attempts and the end of the context, which may be nil.
// A single error is returned as it is.
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

// abort ends a call whose goroutine panicked or called Goexit, in an attempt or in a
// user's function.
func (c *call[T]) abort() {
	c.stopFirst()
	before, after := c.move(func(s *state[T]) bool {
		s.over, s.turn, s.waiter = true, &noTurn, nil
		return true
	})
	before.turn.halt()
	c.cancelLosers(after)
	if before.verdict != nil { // the caller does not get it
		defer c.late(before.verdict) // also if the function of WithDiscard calls runtime.Goexit
	}
	c.drop(before.last)
}
