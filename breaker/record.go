package breaker

import (
	"context"

	"github.com/ductile-go/ductile/policy"
)

// inForce returns the rules to judge a report to g by, or nil if the circuit has left
// g's stay, or counts in another window by now. A Reconfigure between the admission of
// a call and its end is in force for it.
func (g *generation) inForce() *rules {
	switch cur := g.circuit.gen.Load(); {
	case cur == g:
		return g.rules
	case cur.counters == g.counters:
		return cur.rules
	}
	return nil
}

// recordClosed counts a call of a closed state and returns the generation that it
// moved the circuit to, or nil.
func (g *generation) recordClosed(r *report) *generation {
	switch r.outcome {
	case policy.Ignored:
		if !r.slow || !r.abandoned {
			g.ignore()
			return nil
		}
	case policy.Success:
		if g.inRow() {
			g.endRow()
			return nil
		}
	default:
		if g.inRow() {
			return g.countRow(r.cause)
		}
	}
	why := g.countWindow(r)
	if why == 0 {
		if r.outcome != policy.Success && r.outcome != policy.Ignored {
			g.noteFailure(r.cause)
		}
		return nil
	}
	return g.circuit.move(g, step{to: Open, at: g.circuit.time.Now(), cause: r.cause, why: why})
}

// countRow counts a failure in a row.
func (g *generation) countRow(cause error) *generation {
	n := g.counters.row.Add(1)
	if rules := g.inForce(); rules != nil && n >= int64(rules.threshold) {
		return g.circuit.move(g, step{to: Open, at: g.circuit.time.Now(), cause: cause, why: failures})
	}
	g.noteFailure(cause)
	return nil
}

// endOwnRow is a success of a generation that has a row of its own. It loads before it
// stores: an unconditional store would make all cores fight over this line. A failure
// that slips in between counts as the earlier.
func (g *generation) endOwnRow() {
	if g.row.Load() != 0 {
		g.row.Store(0)
	}
}

func (g *generation) endRow() { g.counters.endOwnRow() }

// ignore counts a neutral outcome.
func (g *generation) ignore() {
	if g.times != nil {
		g.times.at(g.circuit.time.Now()).ignored.Add(1)
		return
	}
	g.counters.ignored.Add(1)
}

// settle records how a call of a plain generation ended, and returns the generation
// that this moved the circuit to, or nil. It sets counted before it counts, and before
// listeners hear of a move: what they do must not make the call count again.
func (g *generation) settle(ctx context.Context, err error, counted *bool) *generation {
	if err != nil {
		return g.settleError(ctx, err, counted)
	}
	*counted = true
	switch {
	case g.times != nil:
		g.times.at(g.circuit.time.Now()).successes.Inc()
	case g.calls != nil:
		g.calls.record(slotSuccess)
	default:
		g.endRow()
	}
	return nil
}

func (g *generation) settleError(ctx context.Context, err error, counted *bool) *generation {
	o := judged(ctx, err)
	if cur := g.circuit.gen.Load(); cur.rules != g.rules && cur.rules.rare.Classify != nil {
		o = cur.rules.judge(ctx, err) // a Reconfigure is in force for calls in flight
	}
	*counted = true
	if o == policy.Failure && g.ownRow { // the usual one, without a report
		return g.countRow(err)
	}
	return g.recordClosed(&report{outcome: o, cause: err})
}

// settleLost is lose, deferred, for a call that panicked or called runtime.Goexit.
func (g *generation) settleLost(returned *bool) {
	if !*returned {
		g.lose()
	}
}

// lose records a call that never returned.
func (g *generation) lose() *generation {
	return g.recordClosed(&report{outcome: policy.Failure, cause: policy.ErrNoReturn})
}

// countWindow adds a call to the window and returns why the window opens the circuit,
// or 0 if it does not. The totals are worth reading only where a trip may follow, and include the
// call itself: of all the failures that run into each other, the one that adds last
// sees every other.
//
// A call that its caller gave up on after SlowCall counts as a slow success: it says
// that the dependency is slow, and not that it fails.
func (g *generation) countWindow(r *report) how {
	ok := r.outcome == policy.Success || r.outcome == policy.Ignored
	var totals Counts
	if g.calls != nil {
		totals = g.calls.record(slotOf(ok, r.slow))
	} else {
		now := r.now
		if !r.read {
			now = g.circuit.time.Now()
		}
		g.times.count(now, ok, r.slow)
		if !ok || r.slow {
			totals = g.times.counts(now)
		}
	}
	if ok && !r.slow {
		return 0
	}
	if rules := g.inForce(); rules != nil {
		return rules.trips(totals)
	}
	return 0
}

// recordProbe counts a call of a half-open state and returns the generation that it
// moved the circuit to, or nil. It reads the rules only after it has counted: read
// before, a Reconfigure that comes between could have the call that completes the new
// ProbeCalls judged by the old ones, and the verdict would be left to one probe more.
func (g *generation) recordProbe(r *report) *generation {
	if r.outcome == policy.Ignored {
		g.counters.ignored.Add(1)
		passed := g.counters.row.Add(1)
		if rules := g.inForce(); rules == nil || passed < rules.hopeless() {
			return nil
		}
		return g.reopen(step{cause: r.cause, why: noVerdict})
	}
	g.endRow()
	ok := r.outcome == policy.Success
	if !ok {
		g.noteFailure(r.cause) // before it is counted: who counts it in a verdict finds its cause
	}
	ended := g.shut.probation.end(ok, r.slow)
	rules := g.inForce()
	switch {
	case rules == nil:
		return nil // the stay is over
	case rules.rare.ProbeCalls > 0:
		return g.judgeProbes(rules, r, ended)
	case !ok:
		return g.reopen(step{cause: r.cause, why: probeFailed, reopening: 1})
	case r.slow:
		return g.reopen(step{why: probeSlow, reopening: 1})
	case ended.good() >= int64(rules.enough):
		return g.circuit.move(g, step{to: Closed, at: g.circuit.time.Now(), why: probesSucceeded})
	}
	return nil
}

// judgeProbes gives the verdict when ProbeCalls probes have ended, r the last of them.
func (g *generation) judgeProbes(rules *rules, r *report, ended probesEnded) *generation {
	switch total := ended.good() + ended.bad(); {
	case total < int64(rules.rare.ProbeCalls):
		return nil
	case share(ended.bad(), total) < rules.rare.ProbeFailureRate:
		return g.circuit.move(g, step{to: Closed, at: g.circuit.time.Now(), why: probesSucceeded})
	}
	s := step{why: probeSlow, reopening: 1}
	if ended.failed() > 0 {
		s.why, s.cause = probeFailed, g.root.last.Load().error()
	}
	if r.outcome != policy.Success {
		s.cause = r.cause
	}
	return g.reopen(s)
}

// reopen opens a half-open circuit. The step's reopening is what it adds to the growth
// of the recovery timeout.
func (g *generation) reopen(s step) *generation {
	s.to, s.at = Open, g.circuit.time.Now()
	s.reopening += g.reopening()
	return g.circuit.move(g, s)
}
