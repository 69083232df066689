package breaker

import (
	"context"

	"github.com/ductile-go/ductile/internal/verdict"
	"github.com/ductile-go/ductile/policy"
)

// This file counts how calls end, and judges. Each function returns the generation that
// the call moved the circuit to, or nil. The count functions of generations are:
//
//	countPlain    for the error of a call through a plain generation, without a report;
//	              it also returns what the error means
//	countLost     for such a call that panicked or called runtime.Goexit
//	countClosed   for the report of a call that a closed generation admitted
//	countProbe    for the report of a call that a half-open generation admitted

// report is how a call ended.
type report struct {
	outcome   policy.Outcome
	abandoned bool // Ignored because the caller gave up
	slow      bool
	read      bool  // now was read
	now       int64 // on the circuit's time
	cause     error
}

// countPlain counts a call of a plain generation. It sets counted before it counts, and so
// before listeners are called: a panic in them must not count the call again.
//
// It looks at ctx once. The caller may cancel between two looks, and then an event would
// have another outcome than the circuit has counted.
func (g *generation) countPlain(ctx context.Context, err error, counted *bool) (policy.Outcome, *generation) {
	if err != nil {
		return g.countPlainError(ctx, err, counted)
	}
	*counted = true
	switch {
	case g.times != nil:
		g.times.at(g.circuit.time.Now()).successes.Inc()
	case g.calls != nil:
		g.calls.count(endedWell)
	default:
		g.counters.endRow()
	}
	return policy.Success, nil
}

func (g *generation) countPlainError(ctx context.Context, err error, counted *bool) (policy.Outcome, *generation) {
	var o policy.Outcome
	if cur := g.circuit.gen.Load(); cur.rules != g.rules && cur.rules.cold.Classify != nil {
		o = known(cur.rules.outcome(ctx, err)) // a Reconfigure since the call was admitted
	} else {
		o = verdict.Plain(ctx, err)
	}
	*counted = true
	if o == policy.Failure && g.ownRow { // the usual case, without a report
		return o, g.countInRow(err)
	}
	return o, g.countClosed(&report{outcome: o, cause: err})
}

// known returns o, or Failure if a function that breaks its contract has returned o.
func known(o policy.Outcome) policy.Outcome {
	if o == policy.Undecided || o > policy.Ignored {
		return policy.Failure
	}
	return o
}

// countLost counts a call that panicked or called runtime.Goexit.
func (g *generation) countLost() *generation {
	return g.countClosed(&report{outcome: policy.Failure, cause: policy.ErrNoReturn})
}

// countIfLost, deferred, is countLost unless the call has returned.
func (g *generation) countIfLost(returned *bool) {
	if !*returned {
		g.countLost()
	}
}

// countClosed counts a call of a closed state.
func (g *generation) countClosed(r *report) *generation {
	switch r.outcome {
	case policy.Ignored:
		if !r.slow || !r.abandoned {
			g.countIgnored()
			return nil
		}
	case policy.Success:
		if g.inRow() {
			g.counters.endRow()
			return nil
		}
	default:
		if g.inRow() {
			return g.countInRow(r.cause)
		}
	}
	why := g.countInWindow(r)
	if why == 0 {
		if r.outcome != policy.Success && r.outcome != policy.Ignored {
			g.noteFailure(r.cause)
		}
		return nil
	}
	cause := r.cause
	if r.outcome == policy.Success || r.outcome == policy.Ignored {
		cause = nil // slow is what the call was, whatever its error
	}
	return g.circuit.move(g, step{to: Open, at: g.circuit.time.Now(), cause: cause, why: why})
}

// countInRow counts a failure in a row.
func (g *generation) countInRow(cause error) *generation {
	n := g.counters.row.Add(1)
	if rules := g.inForce(); rules != nil && n >= int64(rules.threshold) {
		return g.circuit.move(g, step{to: Open, at: g.circuit.time.Now(), cause: cause, why: failures})
	}
	g.noteFailure(cause)
	return nil
}

// endRow resets the row. It loads before it stores: with an unconditional store, all cores
// would fight over the cache line. A failure between the two counts as one before the
// success.
func (g *generation) endRow() {
	if g.row.Load() != 0 {
		g.row.Store(0)
	}
}

func (g *generation) countIgnored() {
	if g.times != nil {
		g.times.at(g.circuit.time.Now()).ignored.Add(1)
		return
	}
	g.counters.ignored.Add(1)
}

// countInWindow adds a call to the window and returns why the window opens the circuit, or
// 0 if it does not. It reads the totals only where a trip may follow. They include the
// call itself, so when failures end concurrently, the last one to be added sees all others.
//
// A call that its caller gave up after SlowCall counts as a slow success: it shows that the
// dependency is slow, and not that it fails.
func (g *generation) countInWindow(r *report) why {
	ok := r.outcome == policy.Success || r.outcome == policy.Ignored
	var totals Counts
	if g.calls != nil {
		totals = g.calls.count(endOf(ok, r.slow))
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

// countProbe counts a call of a half-open state. It reads the rules only after it has
// counted. With rules read before, a Reconfigure in between could have the old ones judge
// the call that completes the new ProbeCalls, and the verdict would need one more probe.
func (g *generation) countProbe(r *report) *generation {
	if r.outcome == policy.Ignored {
		g.counters.ignored.Add(1)
		inRow := g.counters.row.Add(1)
		if rules := g.inForce(); rules == nil || inRow < rules.hopeless() {
			return nil
		}
		return g.reopen(step{cause: r.cause, why: noVerdict})
	}
	g.counters.endRow()
	ok := r.outcome == policy.Success
	if !ok {
		g.noteFailure(r.cause) // before it counts, so that a verdict that includes it finds its cause
	}
	ended := g.shut.probation.count(ok, r.slow)
	rules := g.inForce()
	switch {
	case rules == nil:
		return nil // the stay is over
	case rules.cold.ProbeCalls > 0:
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

// judgeProbes gives the verdict if ProbeCalls probes have ended, of which r is the last.
func (g *generation) judgeProbes(rules *rules, r *report, ended probeTotals) *generation {
	switch total := ended.good() + ended.bad(); {
	case total < int64(rules.cold.ProbeCalls):
		return nil
	case share(ended.bad(), total) < rules.cold.ProbeFailureRate:
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

// reopen opens a half-open circuit. The step's reopening is what it adds to the growth of
// the recovery timeout.
func (g *generation) reopen(s step) *generation {
	s.to, s.at = Open, g.circuit.time.Now()
	s.reopening += g.reopening()
	return g.circuit.move(g, s)
}
