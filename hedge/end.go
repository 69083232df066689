package hedge

import (
	"context"

	"github.com/ductile-go/ductile/policy"
)

// end counts the end of an attempt. It returns the attempt that follows at once, to be run
// by this goroutine.
func (c *call[T]) end(a *attempt[T]) (more *attempt[T]) {
	decides := a.won || a.broken()
	if a.n > 1 && rejected(a.err) {
		c.hedge.giveBack()
	}
	before, after := c.move(func(s *state[T]) bool {
		if s.decided() {
			return false
		}
		s.running--
		s.first = s.first || a.n == 1
		if decides {
			s.verdict = a
		} else {
			a.before, s.last = s.last, a
			s.closed = s.closed || a.final
			if a.until.After(s.until) {
				s.until = a.until
			}
		}
		if decides || s.closed {
			s.turn = &noTurn
		}
		if decides || s.running == 0 {
			s.turn, s.waiter = &noTurn, nil // from here on the caller acts
		}
		return true
	})
	if after == nil {
		c.late(a)
		return nil
	}
	if after.turn != before.turn {
		before.turn.halt()
	}
	if decides {
		c.decide(before, after)
	} else {
		c.release(a)
		c.drop(before.last)
		if after.running > 0 {
			return c.follow(a, after)
		}
	}
	if before.waiter != nil {
		before.waiter.Wake()
	}
	return nil
}

// decide does what follows from a verdict.
func (c *call[T]) decide(before, after *state[T]) {
	if l := c.hedge.learned; l != nil {
		switch {
		case after.verdict.n != 1 && !before.first:
			l.add(c.watch.Elapsed()) // at least: it is cancelled now
		case after.verdict.n == 1 && after.verdict.won:
			c.learn()
		}
	}
	c.cancelLosers(after)
}

// cancelLosers ends the contexts of all attempts but the one that decided the call.
func (c *call[T]) cancelLosers(s *state[T]) {
	cause := ErrLost
	if c.Context.Err() != nil {
		// A caller that left was first. Its end may still be on its way to the attempts.
		cause = context.Cause(c.Context)
	}
	if s.verdict == nil || s.verdict.n != 1 {
		c.first.end(c.Context, cause)
	}
	for a := s.extras; a != nil; a = a.older {
		if a != s.verdict {
			a.cancel(cause)
		}
	}
}

// follow does what follows from a failure while others are running: with OnFailure the next
// attempt begins. If the error asks for time, it begins no sooner.
func (c *call[T]) follow(a *attempt[T], s *state[T]) *attempt[T] {
	if !a.worth && a.until.IsZero() {
		return nil
	}
	now := policy.Now(c.hedge.cfg.Clock)
	wait := s.until.Sub(now)
	switch {
	case a.worth && (s.until.IsZero() || wait <= 0):
		return c.begin(nil, byFailure)
	case !a.worth && !s.until.After(s.turn.at):
		return nil // it comes later anyway, or not at all
	}
	c.replace(func(s *state[T]) bool { return c.open(s) && (a.worth || s.turn != &noTurn) }, c.pending(wait))
	return nil
}
