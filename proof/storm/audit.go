package storm

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// ending is how a call returned.
type ending struct {
	ctx      context.Context
	v        int
	err      error
	panicked any
	returned bool
	gone     bool // the context had ended before the call
	took     time.Duration
	patience time.Duration // of the caller; 0 is unlimited
}

// audit checks one call when it has returned, and enters it in the books twice: by what it
// returned, and by what the script and the rules of the policies make of it.
//
//   - If the context had ended before the call, nothing ran, no event was emitted, and the
//     error matches the context's error and its cause.
//   - Otherwise an observed pipeline emitted one Started and one Finished event. Finished has
//     the returned error, or policy.ErrNoReturn after a panic or Goexit, the number of
//     attempts, and the policy that rescued the call.
//   - A panic has its value.
//   - No call took longer than its limits.
func (s *scene) audit(c *call, e ending) {
	s.mu.Lock()
	finished, whole := slices.Clone(c.finished), c.whole
	s.mu.Unlock()
	s.ledger.enter(e.v, "returned")
	s.inTime(c, e)
	if e.gone || whole.how == unknown && !s.exact() { // other calls moved the clock past the deadline
		s.turnedAway(c, e, finished)
		return
	}
	s.enter(c, e, whole.how)
	if s.observed {
		s.finished(c, e, finished, whole.how)
	}
}

// enter sorts a call into both books.
func (s *scene) enter(c *call, e ending, how verdict) {
	var came, scripted books
	scripted.enter(how)
	switch {
	case e.returned:
		came.sort(c.caller, e.err)
	case e.panicked != nil:
		came.Panicked++
		if e.panicked != any(errBoom) {
			s.fault("call %d: panic %v, want the function's", c.n, e.panicked)
		}
	default:
		came.Exited++
	}
	if errors.Is(e.err, errMine) && how != succeeded {
		came = scripted // it says nothing if the caller left too and the function was abandoned
	}
	if came != scripted {
		s.fault("call %d: by its script it %v, and it came back with %v", c.n, how, text(e.err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byReturn.add(came)
	s.byScript.add(scripted)
}

// finished checks the events of the end of a call.
func (s *scene) finished(c *call, e ending, finished []policy.Event, how verdict) {
	want := e.err
	if !e.returned {
		want = policy.ErrNoReturn
	}
	if len(finished) != 1 {
		s.fault("call %d: %d Finished events, want 1", c.n, len(finished))
		return
	}
	f := finished[0]
	s.mu.Lock()
	again, rescuer, started := c.again, c.rescuer, c.begun
	s.mu.Unlock()
	if !same(unmarked(f.Err), unmarked(want)) {
		s.fault("call %d: Finished has %v, the call returned %v", c.n, f.Err, want)
	}
	if s.hears(policy.Started) && started != 1 {
		s.fault("call %d: %d Started events beside one Finished", c.n, started)
	}
	if len(s.leaving) > 0 || s.hedged {
		return // what was left behind may try again later
	}
	if f.Attempt != 1+again {
		s.fault("call %d: Finished counts %d attempts, and there were %d", c.n, f.Attempt, 1+again)
	}
	if how == succeeded && f.Reason != rescuer || how != succeeded && f.Reason != "" {
		s.fault("call %d: it %v, Finished says that %q rescued it, want %q", c.n, how, f.Reason, rescuer)
	}
}

func (s *scene) turnedAway(c *call, e ending, finished []policy.Event) {
	// If the context ends inside of the pipeline, before anything is called, there is a Finished.
	if c.started.Load() != 0 || e.gone && len(finished) != 0 || len(finished) > 0 && !same(finished[0].Err, e.err) {
		s.fault("call %d: the caller had gone, and the function ran %d times, %d Finished events", c.n, c.started.Load(), len(finished))
	}
	if !endedBy(e.ctx, e.err) {
		s.fault("call %d: the caller had gone with %v, %v, and the error is %v", c.n, e.ctx.Err(), context.Cause(e.ctx), e.err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byReturn.TurnedAway++
	s.byScript.TurnedAway++
}

// inTime checks the duration of a call, unless other calls may have moved the clock.
func (s *scene) inTime(c *call, e ending) {
	if !s.exact() {
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

// settle checks the scene when all of its calls are over.
//
//   - The books agree.
//   - Every run of a function has ended, no child of a context is attached, and the clock has
//     no waiter. The bubble finds goroutines that are left.
//   - Each value that a function returned was returned, discarded, reported late or replaced:
//     exactly one of these, once.
//   - Each circuit reported its moves in order and counted the calls of its breakers; see
//     [tally].
//   - A half-open circuit has all its permits.
func (s *scene) settle() {
	s.ground.rest()
	for _, c := range s.calls { // values that an abandoned function has kept
		s.recordKept(c)
		s.releasePlaces(c)
	}
	s.ground.rest()
	s.keptAreJudged()
	if s.byReturn != s.byScript {
		s.fault("the calls came back as %+v, and by their scripts they are %+v", s.byReturn, s.byScript)
	}
	for _, c := range s.calls {
		s.nothingIsLeftOf(c)
		if s.alone && len(c.late) > 0 {
			s.fault("call %d: emitted %v after its end", c.n, c.late)
		}
	}
	if n := s.ground.waiters(); n > 0 {
		s.fault("%d waiters are left on the clock", n)
	}
	for _, t := range s.leaving {
		t.afterwards()
	}
	s.faults = append(s.faults, s.ledger.faults()...)
	s.permitsAreBack()
	s.loadIsGone()
	s.setByHand(true)
	for _, t := range s.tallies {
		s.faults = append(s.faults, t.settle(s)...)
	}
}
