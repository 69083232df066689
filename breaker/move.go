package breaker

import (
	"math"
	"math/rand/v2"
	"time"
)

// step is where a circuit is to go.
type step struct {
	to        State
	why       how
	forced    bool   // by Isolate or Trip
	text      string // what they were given
	at        int64  // when, on the circuit's clock
	cause     error
	reopening int
	period    time.Duration // of an open state, as given to Trip; 0 means as configured
}

// byCall reports whether the outcome of a call is what moves the circuit.
func (s *step) byCall() bool { return !s.forced && s.why != reset && s.why != recoveryElapsed }

// move leaves g's stay for where s says, if the circuit is still there, and returns
// the generation that it made, or nil if another move was first. Moving is one
// compare-and-swap, so of all callers that find g due to be left one wins and tells.
// It begins anew if Reconfigure has put another generation of the same stay in g's
// place meanwhile, so that no verdict is lost. That an open state has elapsed is no
// verdict: under other rules it may last longer, so its caller has to look again.
func (c *Circuit) move(g *generation, s step) *generation {
	for {
		cur := c.gen.Load()
		if cur.root != g.root || s.to == HalfOpen && cur != g {
			return nil // also spares a late failure the making of a generation
		}
		to := made(s.to)
		c.enter(to, cur, &s)
		if c.swap(cur, to) {
			return to
		}
	}
}

// swap puts to in from's place, if that is the current generation still, and tells
// the listeners. What they get is made ready before: the counts of the state that
// is left go on changing.
func (c *Circuit) swap(from, to *generation) bool {
	var told *Transition
	if c.announcer.Load() != nil {
		told = c.transition(to, from)
	}
	if !c.gen.CompareAndSwap(from, to) {
		return false
	}
	c.announce(from, to, told)
	return true
}

// made returns a generation with what its state needs, in one piece.
func made(s State) *generation {
	switch s {
	case Closed:
		return &generation{}
	case HalfOpen:
		g := &struct {
			generation
			shut      shut
			probation probation
		}{}
		g.generation.shut, g.shut.probation = &g.shut, &g.probation
		return &g.generation
	case Open:
		g := &struct {
			generation
			shut    shut
			opening opening
		}{}
		g.generation.shut, g.shut.opening = &g.shut, &g.opening
		return &g.generation
	}
	g := &struct {
		generation
		shut shut
	}{}
	g.generation.shut = &g.shut
	return &g.generation
}

// enter fills to, as s says, to follow from.
func (c *Circuit) enter(to, from *generation, s *step) {
	to.circuit, to.rules, to.root, to.counters = c, from.rules, to, to
	to.state, to.how, to.seq = s.to, s.why+leftState*how(from.state), from.seq+1
	to.entered = s.at
	if s.to == Closed {
		to.count()
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
			to.shut.opening.counts = totalsOf(from.counts(s.at))
		}
		c.open(to, s)
	}
}

// open sets the end of an open state that s moves to.
func (c *Circuit) open(to *generation, s *step) {
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
	if r.rare.RecoveryFor != nil && s.byCall() {
		period = c.recoveryFor(r, Opening{Cause: s.cause, Reopening: s.reopening, Default: period})
	}
	return c.jittered(r, period)
}

// grown returns the recovery timeout, doubled for each reopening up to the maximum.
func (r *rules) grown(reopening int) time.Duration {
	period, most := r.recovery, r.rare.MaxRecoveryTimeout
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

// recoveryFor asks RecoveryFor. If it panics the default is used: the circuit has to
// open, and the call that opens it must not come to another end.
func (c *Circuit) recoveryFor(r *rules, o Opening) (period time.Duration) {
	most := r.rare.MaxRecoveryTimeout
	if most == 0 {
		most = max(longestRecovery, o.Default)
	}
	period = o.Default
	c.safely("RecoveryFor", func() { period = min(max(0, r.rare.RecoveryFor(o)), most) })
	return period
}

// longestRecovery is what RecoveryFor may return at most without MaxRecoveryTimeout.
const longestRecovery = time.Hour

// jittered adds jitter to a period.
func (c *Circuit) jittered(r *rules, period time.Duration) time.Duration {
	if r.rare.RecoveryJitter == 0 {
		return period
	}
	random := r.rare.Rand
	if random == nil {
		random = rand.Float64
	}
	share := 0.0 // also if Rand panics
	c.safely("Rand", func() { share = min(max(random(), 0), 1) })
	if math.IsNaN(share) { // a source that breaks its promise must not shut the circuit for ever
		share = 0
	}
	extra := float64(period) * r.rare.RecoveryJitter * share
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
