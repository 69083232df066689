package breaker

import (
	"math"
	"math/rand/v2"
	"time"
)

// step is where a circuit is to go.
type step struct {
	to        State
	at        int64 // when, on the circuit's clock
	cause     error
	reopening int
	period    time.Duration // of an open state; 0 means as configured
}

// move leaves g for where s says, if the circuit is still there, and returns
// the generation that it made, or nil if somebody else was first. Moving is one
// compare-and-swap, so of all who find g due to be left one wins and tells.
func (c *Circuit) move(g *generation, s step) *generation {
	if c.gen.Load() != g {
		return nil // spares a late failure the making of a generation
	}
	to := made(s.to)
	c.enter(to, g, s)
	if !c.gen.CompareAndSwap(g, to) {
		to.disarm()
		return nil
	}
	g.disarm()
	if c.rare.OnStateChange != nil {
		g.next.Store(to)
		c.tell()
	}
	return to
}

// made returns a generation with what its state needs, in one piece.
func made(s State) *generation {
	switch s {
	case Closed:
		return &generation{}
	case HalfOpen:
		g := &struct {
			generation
			rejection OpenError
			probation probation
		}{}
		g.generation.rejection, g.generation.probation = &g.rejection, &g.probation
		return &g.generation
	}
	g := &struct {
		generation
		rejection OpenError
	}{}
	g.generation.rejection = &g.rejection
	return &g.generation
}

// enter fills to, as s says, to follow from, which is nil at the very beginning.
func (c *Circuit) enter(to, from *generation, s step) {
	to.circuit, to.state, to.entered, to.reopening = c, s.to, s.at, s.reopening
	if s.to != Closed {
		*to.rejection = OpenError{Name: c.name, State: s.to, Cause: s.cause, gen: to}
	}
	switch s.to {
	case Closed:
		to.inRow = c.rare.Window == 0 && c.rare.WindowCalls == 0
		to.plain = c.rare.SlowCall == 0 && c.rare.Classify == nil
		if c.rare.Window > 0 {
			to.times = &timeWindow{clock: &c.rules, width: int64(c.rare.Window) / buckets}
		} else if c.rare.WindowCalls > 0 {
			to.calls = newCallWindow(c.rare.WindowCalls)
		}
	case Open:
		period := c.period(s)
		to.until = later(s.at, period)
		to.arm(period)
	case HalfOpen:
		to.rejection.Cause = from.rejection.Cause
	}
	if from == nil {
		return
	}
	to.from = from.state
	if from.state != s.to && c.rare.OnStateChange != nil {
		to.told = &Transition{
			Name: c.name, From: from.state, To: s.to, At: c.when(s.at), Counts: from.counts(s.at), Cause: s.cause,
		}
	}
}

// period returns how long an open state lasts.
func (c *Circuit) period(s step) time.Duration {
	if s.period > 0 {
		return s.period
	}
	period := c.recovery
	for range s.reopening {
		if period >= c.rare.MaxRecoveryTimeout {
			break
		}
		period = min(2*period, c.rare.MaxRecoveryTimeout)
		if period <= 0 { // doubled past what a Duration holds
			period = c.rare.MaxRecoveryTimeout
		}
	}
	if c.rare.RecoveryJitter == 0 {
		return period
	}
	random := c.rare.Rand
	if random == nil {
		random = rand.Float64
	}
	share := min(max(random(), 0), 1)
	if math.IsNaN(share) { // a source that breaks its promise must not shut the circuit for ever
		share = 0
	}
	extra := float64(period) * c.rare.RecoveryJitter * share
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
