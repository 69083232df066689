package linear

import (
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// why is the reason of a move.
type why uint8

const (
	made why = iota
	failures
	failureRate
	slowRate
	recoveryElapsed
	probeFailed
	probeSlow
	probesSucceeded
	noVerdict
	reset
	reconfigured
	byHand
)

// given is the reason given to Isolate and Trip.
const given = "by hand"

var reasons = [...]string{
	"", breaker.ReasonFailures, breaker.ReasonFailureRate, breaker.ReasonSlowRate, breaker.ReasonRecoveryElapsed,
	breaker.ReasonProbeFailed, breaker.ReasonProbeSlow, breaker.ReasonProbesSucceeded, breaker.ReasonNoVerdict,
	breaker.ReasonReset, breaker.ReasonReconfigured, given,
}

// judgesLater reports whether a Record in a closed state may judge by totals of a moment after
// it has counted. That is so where a call may raise one rate and lower the other.
func (sp spec) judgesLater(s state) bool { return sp.cfg(s).Window > 0 && sp.cfg(s).SlowRate > 0 }

// judgesApart reports whether Records of a history judge at another moment than they count.
// That is so where the totals may be later ones, or the config may be a later one.
func (sp spec) judgesApart() bool {
	return len(sp.cfgs) > 1 || sp.judgesLater(state{})
}

// count is the first part of a Record: it counts the outcome. The config in force at this
// moment decides whether it is slow.
func (sp spec) count(s state, id int, o policy.Outcome) state {
	p := &s.permits[id]
	p.stage = judged
	if p.free || p.gen != s.gen {
		return s
	}
	cfg := sp.cfg(s)
	slow := cfg.SlowCall > 0 && s.now-p.at >= int64(cfg.SlowCall)
	switch {
	case s.state == breaker.HalfOpen:
		s = sp.countProbe(s, id, o, slow)
	case s.state == breaker.Closed && p.shape == s.shape:
		s = sp.countClosed(s, id, o, slow)
	}
	if !sp.judgesApart() {
		return sp.judge(s, id)
	}
	return s
}

func (sp spec) countProbe(s state, id int, o policy.Outcome, slow bool) state {
	p := &s.permits[id]
	p.stage = counted
	if o == policy.Ignored {
		s.ignored++
		s.passed++
		p.totals = totalsOf(0, 0, s.passed)
		return s
	}
	s.passed = 0
	if isFailure(o) {
		s.failures++
	} else {
		s.successes++
	}
	if slow {
		s.slow++
	}
	if p.bad = isFailure(o) || slow; p.bad {
		s.bad++
	}
	p.failed, p.anyFailed = isFailure(o), s.failures > 0
	p.totals = totalsOf(s.successes+s.failures, s.bad, 0)
	return s
}

func (sp spec) countClosed(s state, id int, o policy.Outcome, slow bool) state {
	p := &s.permits[id]
	p.stage = counted
	if o == policy.Ignored && !slow && sp.cfg(s).Window == 0 { // a time window holds these too
		s.ignored++
		return s
	}
	if !sp.windowed(s) {
		p.bad = isFailure(o)
		s.row++
		if !p.bad {
			s.row = 0
		}
		p.totals = totalsOf(s.row, s.row, 0)
		return s
	}
	ignored := o == policy.Ignored && !slow // after SlowCall, a call that its caller gave up counts as slow
	s.records[s.n] = record{s.now, isFailure(o), slow, ignored}
	s.n++
	p.bad = !ignored && (isFailure(o) || slow)
	p.totals = sp.windowTotals(s)
	return s
}

// judge is the second part of a Record: it reaches a verdict by the config in force then.
func (sp spec) judge(s state, id int) state {
	p := &s.permits[id]
	if p.stage != counted {
		return s
	}
	p.stage = judged
	if p.gen != s.gen {
		return s
	}
	if s.state == breaker.HalfOpen {
		return sp.judgeProbe(s, id)
	}
	if !p.bad || p.shape != s.shape {
		return s
	}
	totals := p.totals
	if sp.judgesLater(s) {
		totals = sp.windowTotals(s)
	}
	if w := sp.trips(s, totals); w != made {
		p.stage, p.why = opening, w
	}
	return s
}

func (sp spec) judgeProbe(s state, id int) state {
	p, cfg := &s.permits[id], sp.cfg(s)
	total, bad, passed := int(p.totals[0]), int(p.totals[1]), int(p.totals[2])
	switch {
	case passed > 0:
		if passed >= max(10, 3*cfg.HalfOpenMaxCalls) {
			p.stage, p.why = opening, noVerdict
		}
	case cfg.ProbeCalls == 0 && p.bad:
		p.stage, p.why = opening, probeSlow
		if p.failed {
			p.why = probeFailed
		}
	case cfg.ProbeCalls == 0:
		if total-bad >= cfg.SuccessThreshold {
			p.stage, p.why = closing, probesSucceeded
		}
	case total < cfg.ProbeCalls:
	case float64(bad)/float64(total) >= cfg.ProbeFailureRate:
		p.stage, p.why = opening, probeSlow
		if p.anyFailed {
			p.why = probeFailed
		}
	default:
		p.stage, p.why = closing, probesSucceeded
	}
	return s
}

// window returns the current totals of the window.
func (sp spec) window(s state) (c breaker.Counts) {
	cfg := sp.cfg(s)
	bucket := func(at int64) int64 { return at / max(1, int64(cfg.Window)/10) }
	for i, r := range s.records[:s.n] {
		if cfg.Window > 0 && bucket(r.at) <= bucket(s.now)-10 ||
			cfg.WindowCalls > 0 && i < s.n-cfg.WindowCalls {
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

// windowTotals returns its calls, failures and slow calls.
func (sp spec) windowTotals(s state) [3]uint8 {
	c := sp.window(s)
	return totalsOf(int(c.Successes+c.Failures), int(c.Failures), int(c.Slow))
}

func totalsOf(a, b, c int) [3]uint8 { return [3]uint8{uint8(a), uint8(b), uint8(c)} }

// trips returns why totals of calls, failures and slow calls open the circuit, or made if they
// do not.
func (sp spec) trips(s state, totals [3]uint8) why {
	cfg := sp.cfg(s)
	share := func(n uint8) float64 { return float64(n) / float64(totals[0]) }
	switch {
	case cfg.FailureThreshold > 0 && int(totals[1]) >= cfg.FailureThreshold:
		return failures
	case !sp.windowed(s) || int(totals[0]) < cfg.MinCalls:
		return made
	case cfg.FailureRate > 0 && share(totals[1]) >= cfg.FailureRate:
		return failureRate
	case cfg.SlowRate > 0 && share(totals[2]) >= cfg.SlowRate:
		return slowRate
	}
	return made
}

// move is the last part of a Record: it carries out the verdict, if the circuit is still in
// the stay that it is about, and gives the permit back.
func (sp spec) move(s state, id int) state {
	p := s.permits[id]
	s.permits[id] = permit{stage: done}
	if p.free || p.gen != s.gen {
		return s
	}
	how := step{why: p.why, byCall: true}
	switch {
	case p.stage == closing:
		return sp.enter(s, breaker.Closed, step{why: p.why})
	case p.stage == opening && s.state == breaker.HalfOpen:
		if how.reopening = s.reopening; p.why != noVerdict {
			how.reopening++
		}
		return sp.enter(s, breaker.Open, how)
	case p.stage == opening:
		return sp.enter(s, breaker.Open, how)
	case s.state == breaker.HalfOpen && p.round == s.round:
		s.out--
	}
	return s
}

// retryAfter returns the RetryAfter of a Snapshot.
func (sp spec) retryAfter(s state) time.Duration {
	if s.state != breaker.Open {
		return 0
	}
	return time.Duration(s.until - s.now)
}
