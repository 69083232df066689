package breaker

import (
	"math"
	"math/rand/v2"
	"time"
)

// step describes a move that a call has decided on.
type step struct {
	to        State
	why       why
	forced    bool   // by Isolate or Trip
	text      string // the reason that they were given
	at        int64  // on the circuit's time
	cause     error
	reopening int
	period    time.Duration // of an open state, as given to Trip; 0 means as configured
}

// byCall reports whether the outcome of a call makes a step that opens the circuit.
func (s *step) byCall() bool { return !s.forced }

// move makes a step that ends g's stay, if the circuit is still in it, and returns the
// generation that it made. It returns nil if another move came first. A move is one
// compare-and-swap, so of goroutines that find the same stay due to end, one moves the
// circuit and calls the listeners.
//
// If Reconfigure has put another generation of the stay in g's place, move starts over with
// that one, so that no verdict is lost. It does not where an open state has elapsed: under
// the new rules it may last longer, and the caller must look again.
func (c *Circuit) move(g *generation, s step) *generation {
	for {
		cur := c.gen.Load()
		if cur.root != g.root || s.to == HalfOpen && cur != g {
			return nil // before the making of a generation, which a late failure need not pay for
		}
		to := newGeneration(s.to)
		c.enter(to, cur, &s)
		if c.swap(cur, to) {
			return to
		}
	}
}

// swap puts to in from's place, if from is still the current generation, and calls the
// listeners. It prepares what they are given before the swap, since the counts of the
// state that is left go on changing.
func (c *Circuit) swap(from, to *generation) bool {
	var t *Transition
	if c.announcer.Load() != nil {
		t = c.transition(to, from)
	}
	if !c.gen.CompareAndSwap(from, to) {
		return false
	}
	c.announce(from, to, t)
	return true
}

// enter fills in to, which follows from by s.
func (c *Circuit) enter(to, from *generation, s *step) {
	to.circuit, to.rules, to.root, to.counters = c, from.rules, to, to
	to.state, to.entry, to.seq = s.to, entryOf(s.why, from.state), from.seq+1
	to.entered = s.at
	if s.to == Closed {
		to.closeAnew()
		return
	}
	rejection := &to.shut.rejection
	rejection.Name, rejection.State, rejection.gen = c.name, s.to, to
	rejection.forced, rejection.lenient = s.forced, to.rules.shadow && !s.forced
	if s.to == HalfOpen {
		was := &from.shut.rejection
		rejection.Cause, rejection.Reason, rejection.reopening = was.Cause, was.Reason, was.reopening
		return
	}
	rejection.Cause = s.cause
	if rejection.Reason = s.text; !s.forced {
		rejection.Reason = reasons[s.why]
	}
	if s.to == Open {
		rejection.reopening, rejection.timed = int32(min(s.reopening, math.MaxInt32)), s.period > 0
		if s.byCall() {
			to.shut.opening.setCounts(from.counts(s.at))
		}
		c.setEnd(to, s)
	}
}

// setEnd sets when an open state that s enters may be left.
func (c *Circuit) setEnd(to *generation, s *step) {
	period := c.period(to.rules, s)
	to.shut.opening.until = later(s.at, period)
	to.shut.opening.arm(c, period)
}

// period returns how long an open state lasts.
func (c *Circuit) period(r *rules, s *step) time.Duration {
	if s.period > 0 {
		return s.period
	}
	if s.why == noVerdict {
		return c.jittered(r, r.recovery)
	}
	period := r.grown(s.reopening)
	if r.cold.RecoveryFor != nil && s.byCall() {
		period = c.recoveryFor(r, Opening{Cause: s.cause, Reopening: s.reopening, Default: period})
	}
	return c.jittered(r, period)
}

// grown returns the recovery timeout, doubled for each reopening up to the maximum.
func (r *rules) grown(reopening int) time.Duration {
	period, most := r.recovery, r.cold.MaxRecoveryTimeout
	for range reopening {
		if period >= most || period == 0 {
			break
		}
		if period > most/2 {
			return most
		}
		period *= 2
	}
	return period
}

// recoveryFor calls RecoveryFor. If that panics, it returns the default: the circuit must
// open, and the call that opens it must end as it would have.
func (c *Circuit) recoveryFor(r *rules, o Opening) (period time.Duration) {
	most := r.cold.MaxRecoveryTimeout
	if most == 0 {
		most = max(longestRecovery, o.Default)
	}
	period = o.Default
	c.safely("RecoveryFor", func() { period = min(max(0, r.cold.RecoveryFor(o)), most) })
	return period
}

// longestRecovery limits RecoveryFor if there is no MaxRecoveryTimeout.
const longestRecovery = time.Hour

// jittered adds jitter to a period.
func (c *Circuit) jittered(r *rules, period time.Duration) time.Duration {
	if r.cold.RecoveryJitter == 0 {
		return period
	}
	random := r.cold.Rand
	if random == nil {
		random = rand.Float64
	}
	share := 0.0 // also if Rand panics
	c.safely("Rand", func() { share = min(max(random(), 0), 1) })
	if math.IsNaN(share) { // NaN would keep the circuit open for ever
		share = 0
	}
	extra := float64(period) * r.cold.RecoveryJitter * share
	if extra >= float64(math.MaxInt64-period) {
		return math.MaxInt64
	}
	return period + time.Duration(extra)
}

// later adds without overflowing.
func later(now int64, d time.Duration) int64 {
	if now > math.MaxInt64-int64(d) {
		return math.MaxInt64
	}
	return now + int64(d)
}
