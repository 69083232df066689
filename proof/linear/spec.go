package linear

import (
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

const (
	maxPermits = 24                 // in one history
	maxPath    = 2 * clients * each // between two rests
)

// state is a circuit as the specification sees it. It is a value that == can
// compare, so that the checker can tell states apart that it has been in.
type state struct {
	now       int64
	state     breaker.State
	gen       int
	until     int64
	reopening int

	// Of a closed state.
	row     int
	records [maxPermits]record
	n       int // of records

	// Of a half-open state.
	out, round, successes, failures int
	granted                         int64

	ignored, rejected int

	permits [maxPermits]permit
	path    [maxPath]entry // every state that was entered from another since the last rest
	moves   int
	seen    seen // of this stay in this state, since the last rest
}

// entry is a move to another state.
type entry struct {
	from, to breaker.State
	at       int64
	counts   breaker.Counts // of the state that was left
	seen     seen           // there
}

// seen is the values that each of Counts has had, as bits: who makes ready a move
// reads the counters one after another, and others count until he has made it.
type seen [5]uint64

func (v seen) with(c breaker.Counts) seen {
	for i, n := range []int64{c.Successes, c.Failures, c.Slow, c.Ignored, c.Rejected} {
		v[i] |= 1 << n
	}
	return v
}

// isTold reports whether t tells of e. No call of a history has an error that
// could be the cause.
func isTold(t breaker.Transition, e entry) bool {
	return t.Name == name && t.From == e.from && t.To == e.to && t.At.Equal(start.Add(time.Duration(e.at))) &&
		t.Cause == nil && e.seen.with(t.Counts) == e.seen
}

// record is a call that a window has counted; a time window counts those too
// that say nothing.
type record struct {
	at                    int64
	failed, slow, ignored bool
}

// permit is what became of one admission.
type permit struct {
	stage      stage
	gen, round int
	at         int64
	bad        bool // a failure or slow, as counted
}

type stage uint8

const (
	unknown stage = iota
	held
	counted // its outcome is; it has yet to be judged
	judged  // it has yet to give its place back
	closing // its outcome closes the circuit
	opening // its outcome opens it
	done
)

// spec is a circuit's sequential specification: what each operation does when
// no other runs. Its config has the defaults written out.
type spec struct{ cfg breaker.Config }

func (sp spec) enter(s state, to breaker.State, reopening int, period time.Duration) state {
	if to != s.state {
		counts := sp.counts(s)
		s.path[s.moves] = entry{s.state, to, s.now, counts, s.seen.with(counts)}
		s.moves++
	}
	s.state, s.gen, s.reopening = to, s.gen+1, reopening
	s.row, s.n, s.records = 0, 0, [maxPermits]record{}
	s.out, s.round, s.successes, s.failures, s.granted = 0, 0, 0, 0, 0
	s.ignored, s.rejected = 0, 0
	s.seen = seen{}
	if period <= 0 {
		period = sp.cfg.RecoveryTimeout
		for range reopening {
			if sp.cfg.MaxRecoveryTimeout > period {
				period = min(2*period, sp.cfg.MaxRecoveryTimeout)
			}
		}
	}
	s.until = 0
	if to == breaker.Open {
		s.until = s.now + int64(period)
	}
	return s
}

// look is the move of an open circuit whose time has elapsed.
func (sp spec) look(s state) state {
	if s.state == breaker.Open && s.now >= s.until {
		return sp.enter(s, breaker.HalfOpen, s.reopening, 0)
	}
	return s
}

// acquire admits permit id or refuses it.
func (sp spec) acquire(s state, id int) (state, bool) {
	s = sp.look(s)
	switch s.state {
	case breaker.Closed:
	case breaker.HalfOpen:
		if s.out >= sp.cfg.HalfOpenMaxCalls {
			if s.now-s.granted < int64(sp.cfg.RecoveryTimeout) {
				return sp.refuse(s), false
			}
			s.out, s.round = 0, s.round+1
		}
		s.out++
		s.granted = s.now
	default:
		return sp.refuse(s), false
	}
	s.permits[id] = permit{held, s.gen, s.round, s.now, false}
	return s, true
}

func (sp spec) refuse(s state) state {
	s.rejected++
	return s
}

// judgesLater reports whether a Record in a closed state counts at one moment and
// judges at another: where both a failure that is not slow and a slow success make
// one rate more and the other less.
func (sp spec) judgesLater() bool { return sp.cfg.Window > 0 && sp.cfg.SlowRate > 0 }

// count is the first part of a Record: the outcome is counted, and judged unless
// that comes later.
func (sp spec) count(s state, id int, o policy.Outcome) state {
	p := &s.permits[id]
	p.stage = judged
	if p.gen != s.gen {
		return s
	}
	switch s.state {
	case breaker.HalfOpen:
		return sp.countProbe(s, id, o)
	case breaker.Closed:
		return sp.countClosed(s, id, o)
	}
	return s
}

func (sp spec) countProbe(s state, id int, o policy.Outcome) state {
	switch o {
	case policy.Success:
		if s.successes++; s.successes >= sp.cfg.SuccessThreshold {
			s.permits[id].stage = closing
		}
	case policy.Ignored:
		s.ignored++
	default:
		s.failures++
		s.permits[id].stage = opening
	}
	return s
}

func (sp spec) countClosed(s state, id int, o policy.Outcome) state {
	if o == policy.Ignored && sp.cfg.Window == 0 {
		s.ignored++
		return s
	}
	failed := o == policy.Failure
	if sp.cfg.Window == 0 && sp.cfg.WindowCalls == 0 {
		s.row++
		if !failed {
			s.row = 0
		}
		if s.row >= sp.cfg.FailureThreshold {
			s.permits[id].stage = opening
		}
		return s
	}
	slow := sp.cfg.SlowCall > 0 && s.now-s.permits[id].at >= int64(sp.cfg.SlowCall)
	ignored := o == policy.Ignored
	s.records[s.n] = record{s.now, failed, slow, ignored}
	s.n++
	s.permits[id].stage, s.permits[id].bad = counted, (failed || slow) && !ignored
	if sp.judgesLater() {
		return s
	}
	return sp.judge(s, id)
}

// judge is the second part of a Record.
func (sp spec) judge(s state, id int) state {
	p := &s.permits[id]
	if p.stage != counted {
		return s
	}
	p.stage = judged
	if p.bad && p.gen == s.gen && sp.trips(sp.window(s)) {
		p.stage = opening
	}
	return s
}

// window adds up what the window holds now.
func (sp spec) window(s state) (c breaker.Counts) {
	bucket := func(at int64) int64 { return at / max(1, int64(sp.cfg.Window)/10) }
	for i, r := range s.records[:s.n] {
		if sp.cfg.Window > 0 && bucket(r.at) <= bucket(s.now)-10 ||
			sp.cfg.WindowCalls > 0 && i < s.n-sp.cfg.WindowCalls {
			continue
		}
		switch {
		case r.ignored:
			c.Ignored++
			continue
		case r.failed:
			c.Failures++
		default:
			c.Successes++
		}
		if r.slow {
			c.Slow++
		}
	}
	return c
}

func (sp spec) trips(c breaker.Counts) bool {
	total := c.Successes + c.Failures
	judged := total >= int64(sp.cfg.MinCalls)
	share := func(n int64) float64 { return float64(n) / float64(total) }
	return sp.cfg.FailureThreshold > 0 && c.Failures >= int64(sp.cfg.FailureThreshold) ||
		judged && sp.cfg.FailureRate > 0 && share(c.Failures) >= sp.cfg.FailureRate ||
		judged && sp.cfg.SlowRate > 0 && share(c.Slow) >= sp.cfg.SlowRate
}

// move is the last part of a Record: the verdict is carried out if the circuit
// is still where it was reached, and the place given back.
func (sp spec) move(s state, id int) state {
	p := s.permits[id]
	s.permits[id].stage = done
	if p.gen != s.gen {
		return s
	}
	switch {
	case p.stage == closing:
		return sp.enter(s, breaker.Closed, 0, 0)
	case p.stage == opening && s.state == breaker.HalfOpen:
		return sp.enter(s, breaker.Open, s.reopening+1, 0)
	case p.stage == opening:
		return sp.enter(s, breaker.Open, 0, 0)
	case s.state == breaker.HalfOpen && p.round == s.round:
		s.out--
	}
	return s
}

// force is Isolate, Reset or Trip.
func (sp spec) force(s state, to breaker.State, period time.Duration) state {
	if s.state == breaker.Isolated && to != breaker.Closed {
		return s
	}
	reopening := 0
	if to == breaker.Open {
		reopening = s.reopening // only closing ends the growth
	}
	return sp.enter(s, to, reopening, period)
}

// counts is what Snapshot shows when nothing else runs.
func (sp spec) counts(s state) breaker.Counts {
	c := breaker.Counts{Successes: int64(s.successes), Failures: int64(s.failures)}
	switch {
	case s.state == breaker.Closed && (sp.cfg.Window > 0 || sp.cfg.WindowCalls > 0):
		c = sp.window(s)
	case s.state == breaker.Closed:
		c = breaker.Counts{Failures: int64(s.row)}
	}
	c.Ignored += int64(s.ignored)
	c.Rejected = int64(s.rejected)
	return c
}
