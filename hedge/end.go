package hedge

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// end records the end of an attempt. It returns an attempt for this goroutine to run
// next, or nil.
func (c *call[T]) end(a *attempt[T]) (more *attempt[T]) {
	decides := a.won || a.broken()
	if a.refused {
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
		if s.closed {
			s.turn = &noTurn
		}
		if decides || s.running == 0 {
			s.turn, s.waiter = &noTurn, nil // from here on the caller decides
		}
		return true
	})
	if after == nil {
		c.late(a)
		return nil
	}
	if before.waiter != nil && after.waiter == nil {
		defer before.waiter.Wake() // also if a user's function calls runtime.Goexit
	}
	if after.turn != before.turn {
		before.turn.halt()
	}
	if decides {
		c.decide(before, after)
		return nil
	}
	c.release(a)
	follows := after.running > 0 && c.follows(a, after)
	c.drop(before.last)
	// The function of WithDiscard may have taken time, and another attempt has failed since.
	if follows && c.follows(a, c.look()) {
		return c.begin(nil, byFailure)
	}
	return nil
}

// decide records the latency and cancels the other attempts after a verdict.
func (c *call[T]) decide(before, after *state[T]) {
	if l := c.hedge.learned; l != nil {
		switch {
		case after.verdict.n != 1 && !before.first:
			l.add(c.watch.Elapsed()) // a lower bound: the first attempt is cancelled now
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
		// The caller left first. The end of its context may not have reached the attempts
		// yet.
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

// follows reports whether a failure while other attempts are running starts the next one,
// as it does with OnFailure. If the time in an error's RetryAfter has not come, that time
// is the next attempt's turn.
func (c *call[T]) follows(a *attempt[T], s *state[T]) bool {
	if !a.worth && a.until.IsZero() {
		return false
	}
	wait := c.left(s)
	switch {
	case s.until.IsZero() || wait <= 0:
		return a.worth
	case a.worth || s.until.After(s.turn.at): // or the next attempt is later anyway
		c.replace(func(s *state[T]) bool { return c.open(s) && (a.worth || s.turn != &noTurn) }, c.pending(wait))
	}
	return false
}

// left returns the time that is left of the RetryAfter of failures. None that delays an
// attempt was longer than the maximum, but it would seem so if the clock was set back.
func (c *call[T]) left(s *state[T]) time.Duration {
	return min(s.until.Sub(policy.Now(c.hedge.cfg.Clock)), retry.DefaultMaxRetryAfter)
}
