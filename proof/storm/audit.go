package storm

import (
	"context"
	"errors"
	"testing/synctest"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// ending is how a call came back.
type ending struct {
	ctx      context.Context
	err      error
	panicked any
	returned bool
	gone     bool // the caller had, before the call
	took     time.Duration
	patience time.Duration // of the caller; 0 is without end
}

// audit checks one call as it comes back and enters it in the books:
//
//   - for a caller who had gone, nothing ran and nothing was told, and the error
//     matches the context's and its cause;
//   - otherwise one Finished event of the outermost pipeline, with the error that
//     came back, or policy.ErrNoReturn beside a panic or Goexit;
//   - a panic has its value;
//   - no call took longer than the limits that it was under.
func (s *scene) audit(c *call, e ending) {
	s.mu.Lock()
	finished := append([]error(nil), c.finished...)
	s.mu.Unlock()
	switch {
	case e.gone || len(finished) == 0 && s.clock != nil && !s.alone: // others moved the clock past the deadline
		s.turnedAway(c, e, finished)
	case len(finished) != 1:
		s.fault("call %d: %d Finished events, want 1", c.n, len(finished))
	case !e.returned:
		s.neverReturned(c, e, finished[0])
	case finished[0] != e.err: //nolint:errorlint // the very same
		s.fault("call %d: Finished has %v, the call returned %v", c.n, finished[0], e.err)
	default:
		s.enter(func(b *books) { b.sort(c.caller, e.err) }, func(b *books) { b.sort(c.caller, finished[0]) })
	}
	s.inTime(c, e)
}

func (s *scene) enter(byReturn, byEvents func(b *books)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	byReturn(&s.byReturn)
	byEvents(&s.byEvents)
}

func (s *scene) turnedAway(c *call, e ending, finished []error) {
	if c.started.Load() != 0 || len(finished) != 0 {
		s.fault("call %d: the caller had gone, and the function ran %d times, %d Finished events", c.n, c.started.Load(), len(finished))
	}
	if !errors.Is(e.err, e.ctx.Err()) || !errors.Is(e.err, context.Cause(e.ctx)) {
		s.fault("call %d: the caller had gone with %v, %v, and the error is %v", c.n, e.ctx.Err(), context.Cause(e.ctx), e.err)
	}
	s.enter(func(b *books) { b.TurnedAway++ }, func(b *books) { b.TurnedAway++ })
}

func (s *scene) neverReturned(c *call, e ending, finished error) {
	if finished != policy.ErrNoReturn { //nolint:errorlint // the very same
		s.fault("call %d: Finished has %v beside a panic or Goexit", c.n, finished)
	}
	if e.panicked != nil && e.panicked != any(errBoom) {
		s.fault("call %d: panic %v, want the function's", c.n, e.panicked)
	}
	enter := func(b *books) { b.Exited++ }
	if e.panicked != nil {
		enter = func(b *books) { b.Panicked++ }
	}
	s.enter(enter, enter)
}

// inTime has nothing to say where others move the clock meanwhile.
func (s *scene) inTime(c *call, e ending) {
	if s.clock != nil && !s.alone {
		return
	}
	if bound := s.plan.bound; bound > 0 && e.took > bound {
		s.fault("call %d: took %v under limits of %v", c.n, e.took, bound)
	}
	if e.patience > 0 && e.took > e.patience+slack {
		s.fault("call %d: took %v for a caller with a deadline in %v", c.n, e.took, e.patience)
	}
}

func (s *scene) nothingIsLeftOf(c *call) {
	if left := c.caller.attached(); left > 0 {
		s.fault("call %d: %d children of the caller's context are left", c.n, left)
	}
	if c.started.Load() != c.ended.Load() {
		s.fault("call %d: %d runs began, %d ended", c.n, c.started.Load(), c.ended.Load())
	}
}

// settle checks the scene when all of its calls are over:
//
//   - the books agree, with each other and with the number of calls;
//   - every run of a function has ended, no child of a context is attached, the
//     clock has no waiter; goroutines are the bubble's to find;
//   - each circuit told its moves in order, the last one is where it is, and
//     where calls were alone it counted as many refusals as were told;
//   - a half-open circuit has all its places.
func (s *scene) settle() {
	synctest.Wait()
	if s.byReturn != s.byEvents {
		s.fault("the calls came back as %+v, and the events say %+v", s.byReturn, s.byEvents)
	}
	if n := s.byReturn.started(); n != perScene {
		s.fault("%d calls are in the books, want %d", n, perScene)
	}
	for _, c := range s.calls {
		s.nothingIsLeftOf(c)
		if s.alone && len(c.late) > 0 {
			s.fault("call %d: told of %v after its end", c.n, c.late)
		}
	}
	if s.clock != nil && s.clock.Waiters() > 0 {
		s.fault("%d waiters are left on the clock", s.clock.Waiters())
	}
	s.placesAreBack()
	for _, c := range s.circuits {
		s.settleCircuit(c)
	}
}

func (s *scene) settleCircuit(c *breaker.Circuit) {
	at, refused := breaker.Closed, int64(0)
	snap := c.Snapshot()
	for _, t := range s.told[c.Name()] {
		if t.From != at || t.To == at {
			s.fault("circuit %s: told of a move from %v to %v when it was %v", c.Name(), t.From, t.To, at)
		}
		at = t.To
		refused += t.Counts.Rejected
	}
	if at != snap.State {
		s.fault("circuit %s: the last move told is to %v, and it is %v", c.Name(), at, snap.State)
	}
	if refused += snap.Counts.Rejected; s.alone && refused != s.refused[c.Name()] {
		s.fault("circuit %s: counted %d refusals, and %d were told", c.Name(), refused, s.refused[c.Name()])
	}
}
