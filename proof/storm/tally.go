package storm

import (
	"fmt"
	"slices"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// tally is the storm's own account of a circuit, made from the runs just inside of its breakers
// and from the calls that were refused. The mutex of the scene guards it.
//
// If calls are made one after another, it knows what each state must have counted and when the
// circuit must leave it. If callers share the pipeline, each of them may come between the end
// of a state and its transition, and only sums are known.
type tally struct {
	circuit *breaker.Circuit
	cfg     breaker.Config
	fixed   breaker.Config // as it was made: what no Reconfigure changes is read from here, without the mutex
	real    breaker.Config // that the circuit has, with the faults of a double
	born    time.Time

	// Of the state that the circuit is in.
	stay       int // its number
	state      breaker.State
	since      time.Time
	reopenings int            // since the circuit was closed
	flat       bool           // open without a verdict, which does not grow
	opened     breaker.Counts // what opened it
	drawn      float64        // for the jitter of its recovery time
	ends       []end
	wanted     breaker.State // the state after the last of them
	least      time.Duration // the shortest recovery timeout of the stay's configs
	changed    bool          // there was more than one config
	rejected   int64

	// Of all states.
	runs         int64
	counted      breaker.Counts // by the circuit
	refused      int64          // calls that were refused
	heard        int64          // Rejected events
	caused       int64          // moves that a call's outcome brought about
	changes      int64          // StateChanged events
	deaf         bool           // the events of some breaker are not observed
	told         int            // moves that Watch has not reported yet
	reconfigured int            // Reconfigures that Watch has not reported yet
	in           int64          // calls in its breakers
	mostIn       int64
}

// end is how a run ended.
type end struct {
	at   time.Time
	how  policy.Outcome
	slow bool
	left bool // its caller left
}

func (t *tally) begin(r *run) {
	r.stay = t.stay
	t.runs++
}

// record enters the end of a run. A run that another state admitted does not count.
func (t *tally) record(v *visit, r *run) {
	b := v.rules.(*breakerRules)
	how := b.outcome(v, r)
	if r.stay != t.stay || b.keeps && how == policy.Success { // a kept value is entered when it is recorded
		return
	}
	left := !r.how.neverReturned() && judgedAs(r.err) == policy.Undecided && gaveUp(v.ctx, r.err)
	t.enter(end{r.to, how, t.isSlow(r), left})
}

// enter enters an end, and notes the state that follows by the config in force now.
func (t *tally) enter(e end) {
	t.ends = append(t.ends, e)
	t.wanted = t.due()
}

func (t *tally) isSlow(r *run) bool { return t.cfg.SlowCall > 0 && r.to.Sub(r.from) >= t.cfg.SlowCall }

// loose reports whether the counts of the circuit are not known exactly: in shadow, calls
// without a permit do not count.
func (t *tally) loose() bool { return t.fixed.Shadow }

// full enters a call that was refused since all permits were out.
func (t *tally) full() {
	t.refused++
	t.heard++
	t.rejected++
}

// passed returns how many of the last ends were Ignored.
func (t *tally) passed() (n int) {
	for _, e := range slices.Backward(t.ends) {
		if e.how != policy.Ignored {
			break
		}
		n++
	}
	return n
}

// counts returns the counts that the state must have now.
func (t *tally) counts(now time.Time) breaker.Counts {
	counts := breaker.Counts{Rejected: t.rejected}
	closed := t.state == breaker.Closed
	room := t.cfg.WindowCalls // in a window of calls, which has no ignored ones
	for _, e := range slices.Backward(t.ends) {
		switch {
		case closed && t.cfg.Window > 0 && t.epoch(e.at) <= t.epoch(now)-buckets:
			return counts
		case e.how == policy.Ignored && (!closed || !e.slow || !e.left):
			counts.Ignored++
			continue
		case closed && t.cfg.WindowCalls > 0 && room == 0:
			continue
		case e.how != policy.Failure:
			counts.Successes++
		case closed && !t.windowed() && counts.Successes > 0: // before the row
		default:
			counts.Failures++
		}
		room--
		if e.slow {
			counts.Slow++
		}
	}
	if closed && !t.windowed() {
		counts.Successes = 0
	}
	return counts
}

// buckets is how many parts a time window has.
const buckets = 10

func (t *tally) epoch(at time.Time) int64 {
	return int64(at.Sub(t.born)) / (int64(t.cfg.Window) / buckets)
}

func (t *tally) windowed() bool { return t.cfg.Window > 0 || t.cfg.WindowCalls > 0 }

// keeps reports whether a closed state counts every run until its end.
func (t *tally) keeps() bool {
	return t.cfg.Window == longWindow*time.Hour || t.cfg.WindowCalls == longWindow
}

// due returns the state that follows from the last end.
func (t *tally) due() breaker.State {
	if len(t.ends) == 0 {
		return t.state
	}
	last := t.ends[len(t.ends)-1]
	counts := t.counts(last.at)
	bad := last.how == policy.Failure || last.slow && t.windowed() && (last.how == policy.Success || last.left)
	ended, badProbes := counts.Successes+counts.Failures, t.badProbes()
	switch {
	case t.state == breaker.HalfOpen && last.how == policy.Ignored:
		if t.passed() >= max(10, 3*t.cfg.HalfOpenMaxCalls) {
			return breaker.Open
		}
		return t.state
	case t.state == breaker.HalfOpen && t.cfg.ProbeCalls > 0:
		switch {
		case ended < int64(t.cfg.ProbeCalls):
			return t.state
		case float64(badProbes)/float64(ended) >= t.cfg.ProbeFailureRate:
			return breaker.Open
		}
		return breaker.Closed
	case t.state == breaker.Closed && bad && t.opens(counts):
		return breaker.Open
	case t.state == breaker.HalfOpen && badProbes > 0:
		return breaker.Open
	case t.state == breaker.HalfOpen && counts.Successes >= int64(t.cfg.SuccessThreshold):
		return breaker.Closed
	}
	return t.state
}

// badProbes returns how many failed or were slow.
func (t *tally) badProbes() (n int) {
	for _, e := range t.ends {
		if e.how == policy.Failure || e.how == policy.Success && e.slow {
			n++
		}
	}
	return n
}

func (t *tally) opens(counts breaker.Counts) bool {
	if t.cfg.FailureThreshold > 0 && counts.Failures >= int64(t.cfg.FailureThreshold) {
		return true
	}
	total := counts.Successes + counts.Failures
	if !t.windowed() || total < int64(t.minCalls()) {
		return false
	}
	rate := func(n int64) float64 { return float64(n) / float64(total) }
	return t.cfg.FailureRate > 0 && rate(counts.Failures) >= t.cfg.FailureRate ||
		t.cfg.SlowRate > 0 && rate(counts.Slow) >= t.cfg.SlowRate
}

func (t *tally) minCalls() int {
	switch {
	case t.cfg.MinCalls > 0:
		return t.cfg.MinCalls
	case t.cfg.WindowCalls > 0:
		return min(t.cfg.WindowCalls, breaker.DefaultMinCalls)
	}
	return breaker.DefaultMinCalls
}

// recovery returns how long the circuit must stay open, without jitter and with the jitter that
// was drawn.
func (t *tally) recovery() (least, whole time.Duration) {
	least = t.cfg.RecoveryTimeout
	for range t.reopenings {
		if !t.flat && least < t.cfg.MaxRecoveryTimeout {
			least = min(2*least, t.cfg.MaxRecoveryTimeout)
		}
	}
	return least, least + time.Duration(float64(least)*t.cfg.RecoveryJitter*t.drawn)
}

// remaining returns how much longer the circuit must stay open.
func (t *tally) remaining(now time.Time) time.Duration {
	_, whole := t.recovery()
	return whole - now.Sub(t.since)
}

// move enters a move that the circuit has reported, and returns what is wrong with it.
func (t *tally) move(m breaker.Transition, alone, exact, byHand bool) (faults []string) {
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Sprintf("circuit %s: ", m.Name)+fmt.Sprintf(format, args...))
	}
	if m.From != t.state || m.To == t.state {
		fault("reported a move from %v to %v when it was %v", m.From, m.To, t.state)
	}
	alone = alone && !t.loose()
	if want := t.counts(m.At); alone && m.Counts != want {
		fault("%v had counted %+v, want %+v", m.From, m.Counts, want)
	}
	if want := t.wanted; alone && m.From != breaker.Open && m.To != want {
		fault("reported a move from %v to %v, want %v", m.From, m.To, want)
	}
	least, whole := t.recovery()
	switch {
	case alone:
		least = whole // no other call draws
	case t.changed:
		least = t.least // which config was in force is not known
	}
	if exact && m.From == breaker.Open && m.At.Sub(t.since) < least {
		fault("open for %v, want %v at least", m.At.Sub(t.since), least)
	}
	switch {
	case m.To == breaker.Closed:
		t.reopenings = 0
	case m.From == breaker.HalfOpen && m.Reason != breaker.ReasonNoVerdict:
		t.reopenings++
	}
	if want := t.passed() >= 10 && m.From == breaker.HalfOpen && m.To == breaker.Open; alone && want != (m.Reason == breaker.ReasonNoVerdict) {
		fault("reported a move to %v by %q after %d Ignored probes", m.To, m.Reason, t.passed())
	}
	if !byHand {
		t.caused++
	}
	t.told++
	t.flat, t.opened = m.Reason == breaker.ReasonNoVerdict, m.Counts
	t.count(m.Counts)
	t.state, t.since, t.ends, t.rejected, t.wanted = m.To, m.At, nil, 0, m.To
	t.least = min(t.cfg.RecoveryTimeout, t.real.RecoveryTimeout)
	t.stay++
	return faults
}

func (t *tally) count(c breaker.Counts) {
	t.counted.Successes += c.Successes
	t.counted.Failures += c.Failures
	t.counted.Ignored += c.Ignored
	t.counted.Rejected += c.Rejected
}
