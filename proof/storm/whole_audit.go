package storm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// audit checks one call when it has returned.
//
//   - A value was made by a run for that key, after the last change before the call, or it is
//     the fallback's. A call without a key gets what its own run has made.
//   - A panic is that of a run for that key, and so is Goexit, during the call.
//   - An error is one that was made here, and a caller that waits does not get the end of
//     another.
//   - A caller with a key leaves at once when its context ends.
func (w *whole) audit(c *wholeCall, e wholeEnding) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case e.gone && (!e.returned || !endedBy(c.ctx, e.err)):
		w.complain("call %d: its caller had left, and it came to %v, %v, panic %v", c.n, e.v, text(e.err), e.panicked)
	case e.panicked != nil:
		w.ended.Panicked++
		w.raised(c, e.panicked, now)
	case !e.returned:
		w.ended.Exited++
		if !slices.ContainsFunc(w.exits[c.key], func(s span) bool { return !s.to.Before(c.came.Add(-lingers)) && !s.to.After(now) }) {
			w.complain("call %d: Goexit, and no run for %q called it", c.n, c.key)
		}
	case e.err == nil:
		w.ended.Succeeded++
		w.got(c, e.v, now)
	case e.gone:
		w.ended.TurnedAway++
	default:
		w.enterError(c, e)
	}
	if gone, is := leftAt(c); is && c.key != "" && now.After(gone) {
		w.complain("call %d: its context ended at %v, and it returned %v later", c.n, gone, now.Sub(gone))
	}
}

// leftAt returns when the context of a call ended.
func leftAt(c *wholeCall) (at time.Time, is bool) {
	at, is = c.caller.when()
	if d, ok := c.ctx.Deadline(); ok && c.ctx.Err() != nil && (!is || d.Before(at)) {
		at, is = d, true
	}
	return at, is && !at.Before(c.came)
}

// lingers is how long a flight may last after one of its attempts has panicked: the hedge waits
// for the first attempt, which may ignore its context. A call may join the flight meanwhile.
const lingers = 10 * time.Millisecond

func (w *whole) raised(c *wholeCall, panicked any, now time.Time) {
	b, is := panicked.(*boom)
	if !is {
		w.complain("call %d: panic %v", c.n, panicked)
		return
	}
	w.endsAsHeld(b.run, "raised")
	if f := w.fates[b.run]; f == nil || b.key != c.key || f.to.Before(c.came.Add(-lingers)) || f.to.After(now) {
		w.complain("call %d for %q got panic %v, which is not from a run of its own", c.n, c.key, b)
	}
}

// got judges a value that a caller got.
func (w *whole) got(c *wholeCall, v worth, now time.Time) {
	f := w.fates[v.run]
	switch {
	case v.run == 0 && (v.key != c.key || v.by != c.n):
		w.complain("call %d for %q got the fallback of another: %v", c.n, c.key, v)
	case v.run == 0:
	case f == nil || f.key != v.key || f.to.After(now):
		w.complain("call %d for %q got %v, which no run has made", c.n, c.key, v)
	case v.key != c.key:
		w.complain("call %d for %q got the value of another key: %v", c.n, c.key, v)
	case c.key == "" && v.by != c.n:
		w.complain("call %d got the value of another: %v", c.n, v)
	case v.version < c.floor:
		w.complain("call %d for %q got version %d, and %d was there before it came", c.n, c.key, v.version, c.floor)
	}
	if f != nil && v.run != 0 {
		f.served = true
	}
}

var known = []error{errDown, errMissing, errInjected, errGone, errFallback, context.DeadlineExceeded, context.Canceled}

// enterError sorts a call that failed.
func (w *whole) enterError(c *wholeCall, e wholeEnding) {
	rejected := errors.Is(e.err, policy.ErrRejected)
	if !rejected && !slices.ContainsFunc(known, func(k error) bool { return errors.Is(e.err, k) }) {
		w.complain("call %d: %v, which was not made here", c.n, text(e.err))
	}
	if c.ctx.Err() == nil && (errors.Is(e.err, errGone) || errors.Is(e.err, context.Canceled)) {
		w.complain("call %d waits, and got the end of another: %v", c.n, text(e.err))
	}
	if e.v != (worth{}) {
		w.complain("call %d: %v beside %v", c.n, e.v, text(e.err))
	}
	switch {
	case rejected:
		w.ended.Rejected++
	case c.ctx.Err() != nil:
		w.ended.Canceled++
	default:
		w.ended.Failed++
	}
	if rejected && c.key == "" && w.ranFor[c.n] > 0 {
		w.complain("call %d ran %d times, and was rejected: %v", c.n, w.ranFor[c.n], text(e.err))
	}
}

// settle checks the scene when all calls are over.
func (w *whole) settle() {
	defer w.permits()
	w.circuit.State() // an open circuit whose time is over moves when it is looked at, and tells the listener
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nothingLost()
	w.allIsGivenBack()
	w.withinLimits()
	w.sumsAgree()
	if w.observed {
		w.eventsAgree()
	}
	w.movesFollow()
}

// nothingLost complains of values and panics without a fate.
func (w *whole) nothingLost() {
	unseen := int64(0)
	for run, f := range w.fates {
		switch {
		case f.value && w.staged && len(f.ways) != 1:
			w.complain("the value of run %d was %q, want one thing", run, f.ways)
		case f.value && w.staged && !f.served && f.ways[0] == "flown":
			unseen++
		case !f.value && w.observed && len(f.ways) == 0:
			w.complain("the panic of run %d for %q was lost", run, f.key)
		}
	}
	late := w.heard["finished_late cache"] + w.heard["finished_late coalesce"] + w.heard["refreshed cache"]
	if w.observed && unseen > late {
		w.complain("%d values of flights went to no caller, and %d flights were left or were refreshes", unseen, late)
	}
}

// movesFollow complains of a gap between two moves of the circuit.
func (w *whole) movesFollow() {
	is := breaker.Closed
	for _, m := range w.moves {
		if m.From != is {
			w.complain("the circuit moved from %v, and was %v", m.From, is)
		}
		is = m.To
	}
	if is != w.circuit.State() && w.circuit.State() != breaker.HalfOpen {
		w.complain("the circuit is %v after a move to %v", w.circuit.State(), is)
	}
}

func (w *whole) String() string { return fmt.Sprintf("seed %d, %s", w.seed, w.shape) }
