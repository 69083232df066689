package linear

import (
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

const (
	maxPermits = 32                  // in one history
	maxPath    = clients*longest + 2 // moves between two rests
)

// state is a circuit as the specification sees it. == can compare it, so that the checker
// recognizes states that it has been in.
type state struct {
	now   int64
	cfg   int // the config in force, of the specification's
	state breaker.State
	gen   uint8 // numbers the stays in a state
	why   why   // of the move to it

	entered, until int64
	period         int64 // what Trip was given, or 0
	forced         bool  // by Isolate or Trip: calls are refused in shadow too
	reopening      int
	opened         seen // what the Counts of an open state may show, apart from Rejected

	// Of a closed state.
	shape   uint8 // numbers the rows and windows of the stay
	row     int
	records [maxPermits]record
	n       int // of records

	// Of a half-open state.
	out                       int
	round                     uint8
	granted                   int64
	successes, failures, slow int
	bad                       int // probes that failed or were slow
	passed                    int // Ignored ones in a row

	ignored, rejected int

	permits [maxPermits]permit
	path    [maxPath]entry // every move since the last rest, Reconfigure too
	moves   int
	seen    seen // of this stay in this state, since the last rest
}

// entry is a move, or a Reconfigure if from and to are equal.
type entry struct {
	at       int64
	seen     seen     // in the state that was left
	counts   [5]uint8 // there, for the reports of a double
	from, to breaker.State
	why      why
	shadow   bool
}

func entryOf(s state, to breaker.State, c breaker.Counts, w why, shadow bool) entry {
	e := entry{at: s.now, seen: s.seen.with(c), from: s.state, to: to, why: w, shadow: shadow}
	for i, n := range all(c) {
		e.counts[i] = uint8(n)
	}
	return e
}

// seen is the values that each of Counts has had, as bits. A goroutine that moves the circuit
// reads the counters one after another while others count.
type seen [5]uint32

func (v seen) with(c breaker.Counts) seen {
	for i, n := range all(c) {
		v[i] |= 1 << min(n, 31)
	}
	return v
}

// all returns the numbers of c.
func all(c breaker.Counts) [5]int64 {
	return [5]int64{c.Successes, c.Failures, c.Slow, c.Ignored, c.Rejected}
}

// record is a call that a window has counted. A time window also counts Ignored ones.
type record struct {
	at                    int64
	failed, slow, ignored bool
}

// permit is the course of one admission.
type permit struct {
	at                int64
	gen, shape, round uint8
	totals            [3]uint8 // the totals that it is judged by
	stage             stage
	free              bool // admitted in shadow without a permit: it does not count
	bad               bool // a failure or slow, as counted
	failed            bool // a probe's failure
	anyFailed         bool // of the probes that had ended when it was counted
	why               why  // of the verdict
}

type stage uint8

const (
	unknown stage = iota
	held
	counted // its outcome is counted and not judged
	judged  // it has not given its permit back
	closing // its outcome closes the circuit
	opening // its outcome opens it
	done
)

// spec is the sequential specification of a circuit: what each operation does while no other
// runs. Its configs have the defaults filled in. The circuit begins with the first, and
// Reconfigure puts another in force.
type spec struct{ cfgs []breaker.Config }

func (sp spec) cfg(s state) *breaker.Config { return &sp.cfgs[s.cfg] }

// step is how a state is entered.
type step struct {
	why       why
	reopening int
	period    int64 // of Trip
	forced    bool
	byCall    bool
}

func (sp spec) enter(s state, to breaker.State, how step) state {
	counts := sp.counts(s)
	if to != s.state {
		s.path[s.moves] = entryOf(s, to, counts, how.why, sp.cfg(s).Shadow)
		s.moves++
	}
	s.opened = seen{}.with(breaker.Counts{})
	if how.byCall {
		s.opened = s.seen.with(counts)
	}
	s.state, s.gen, s.why, s.reopening = to, s.gen+1, how.why, how.reopening
	s.entered, s.forced, s.period = s.now, how.forced, how.period
	s.shape, s.row, s.n, s.records = 0, 0, 0, [maxPermits]record{}
	s.out, s.round, s.granted, s.passed = 0, 0, 0, 0
	s.successes, s.failures, s.slow, s.bad = 0, 0, 0, 0
	s.ignored, s.rejected = 0, 0
	s.seen = seen{}
	return sp.withEnd(s)
}

// withEnd returns s with the end of an open state.
func (sp spec) withEnd(s state) state {
	s.until = 0
	if s.state == breaker.Open {
		s.until = s.entered + sp.recovery(s)
	}
	return s
}

// recovery returns how long an open state lasts under the config in force.
func (sp spec) recovery(s state) int64 {
	cfg := sp.cfg(s)
	if s.period > 0 {
		return s.period
	}
	period := max(0, cfg.RecoveryTimeout) // NoWait is less
	for range s.reopening {
		if s.why != noVerdict && cfg.MaxRecoveryTimeout > period {
			period = min(2*period, cfg.MaxRecoveryTimeout)
		}
	}
	return int64(period)
}

// look moves an open circuit whose time has elapsed.
func (sp spec) look(s state) state {
	if s.state == breaker.Open && s.now >= s.until {
		return sp.enter(s, breaker.HalfOpen, step{why: recoveryElapsed, reopening: s.reopening})
	}
	return s
}

// patience returns how long all permits must be out before a new round.
func (sp spec) patience(s state) int64 {
	return int64(max(sp.cfg(s).RecoveryTimeout, time.Second))
}

// acquire admits permit id or refuses it.
func (sp spec) acquire(s state, id int) (state, bool) {
	s = sp.look(s)
	switch s.state {
	case breaker.Closed:
	case breaker.HalfOpen:
		if s.out >= sp.cfg(s).HalfOpenMaxCalls {
			if s.now-s.granted < sp.patience(s) {
				return sp.refuse(s, id)
			}
			s.out, s.round = 0, s.round+1
		}
		s.out++
		s.granted = s.now
	default:
		return sp.refuse(s, id)
	}
	s.permits[id] = permit{stage: held, gen: s.gen, shape: s.shape, round: s.round, at: s.now}
	return s, true
}

// refuse refuses a call. In shadow it counts the refusal and admits the call.
func (sp spec) refuse(s state, id int) (state, bool) {
	s.rejected++
	if !sp.cfg(s).Shadow || s.forced {
		return s, false
	}
	s.permits[id] = permit{stage: held, free: true}
	return s, true
}

// force is Isolate, Reset or Trip.
func (sp spec) force(s state, to breaker.State, period time.Duration) state {
	if s.state == breaker.Isolated && to != breaker.Closed {
		return s
	}
	how := step{why: byHand, forced: true, period: int64(period)}
	switch to {
	case breaker.Closed:
		how = step{why: reset}
	case breaker.Open:
		how.reopening = s.reopening // only closing ends the growth
	}
	return sp.enter(s, to, how)
}

// reconfigure puts config k in force and keeps the state.
func (sp spec) reconfigure(s state, k int) state {
	was, is := sp.cfg(s), &sp.cfgs[k]
	if k == s.cfg {
		return s
	}
	counts := sp.counts(s)
	s.path[s.moves] = entryOf(s, s.state, counts, reconfigured, is.Shadow)
	s.moves++
	s.cfg = k
	if s.state == breaker.Closed && (was.Window != is.Window || was.WindowCalls != is.WindowCalls) {
		s.shape++
		s.row, s.ignored, s.n, s.records = 0, 0, 0, [maxPermits]record{}
	}
	return sp.withEnd(s)
}

// counts returns what Snapshot shows while nothing else runs. An open state shows the counts
// that opened it instead; see state.opened.
func (sp spec) counts(s state) breaker.Counts {
	var c breaker.Counts
	switch {
	case s.state == breaker.Closed && sp.windowed(s):
		c = sp.window(s)
	case s.state == breaker.Closed:
		c.Failures = int64(s.row)
	case s.state == breaker.HalfOpen:
		c = breaker.Counts{Successes: int64(s.successes), Failures: int64(s.failures), Slow: int64(s.slow)}
	}
	c.Ignored += int64(s.ignored)
	c.Rejected = int64(s.rejected)
	return c
}

func (sp spec) windowed(s state) bool { return sp.cfg(s).Window > 0 || sp.cfg(s).WindowCalls > 0 }

// isFailure reports whether an outcome counts as a failure: all but Success and Ignored do.
func isFailure(o policy.Outcome) bool { return o != policy.Success && o != policy.Ignored }
