package breaker

import (
	"errors"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
)

// Circuit is the state of one dependency, shared by all calls to it, of any
// result type. Make one with [NewCircuit]; the zero Circuit is not one. It is
// safe for concurrent use.
type Circuit struct {
	gen atomic.Pointer[generation]
	rules

	// Who tells OnStateChange, and how far it has got; see tell.
	telling atomic.Bool
	told    *generation

	first generation // in here, so that a circuit that never moves is one object
}

// NewCircuit returns a closed circuit. It panics with Validate's error.
func NewCircuit(cfg Config) *Circuit {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	c := &Circuit{rules: rulesOf(cfg.withDefaults())}
	c.enter(&c.first, nil, step{to: Closed})
	c.told = &c.first
	c.gen.Store(&c.first)
	return c
}

// Validate returns nil for a circuit that NewCircuit made, and for a nil or a zero
// one an error that says so. It is for what holds a Circuit that others gave it.
func (c *Circuit) Validate() error {
	if c.made() {
		return nil
	}
	return errors.New("breaker: " + c.fault())
}

func (c *Circuit) made() bool { return c != nil && c.rare != nil }

// fault says what is wrong with a circuit that was not made.
func (c *Circuit) fault() string {
	if c == nil {
		return "circuit is nil, want one made by NewCircuit"
	}
	return "zero Circuit, want one made by NewCircuit"
}

// Name returns the circuit's name.
func (c *Circuit) Name() string { return c.name }

// Acquire admits a call or refuses it with an *[OpenError]. The permit of an
// admitted call must be given to Record when the call has ended; a half-open
// circuit holds its place until then. Most callers want [Do] or a [Breaker],
// which see to that.
func (c *Circuit) Acquire() (Permit, error) {
	for {
		g := c.gen.Load()
		switch g.state {
		case Closed:
			if c.rare.SlowCall > 0 {
				return Permit{gen: g, started: c.now()}, nil
			}
			return Permit{gen: g}, nil
		case Open:
			now, due := g.due()
			if !due {
				return Permit{}, g.rejection
			}
			c.move(g, step{to: HalfOpen, at: now, reopening: g.reopening})
		case HalfOpen:
			round, ok := g.probation.admit(c)
			if !ok {
				g.rejected.Inc()
				return Permit{}, g.rejection
			}
			// Asked again: a permit of a state that was left meanwhile would let a
			// call through that the circuit, open by now, refuses.
			if c.gen.Load() == g {
				return Permit{gen: g, round: round}, nil
			}
			g.probation.release(round)
		default:
			g.rejected.Inc()
			return Permit{}, g.rejection
		}
	}
}

// Permit is the admission of one call. It is a small value; do not copy it once
// Acquire has returned it, since each copy could report. The zero Permit
// reports to nobody.
type Permit struct {
	gen     *generation
	started int64
	round   uint32
}

// Record reports how the call ended. The first report counts and later ones do
// nothing. An outcome that is neither Success nor Ignored is a Failure. A Permit
// is for one goroutine at a time.
func (p *Permit) Record(o policy.Outcome) { p.record(o, nil) }

func (p *Permit) record(o policy.Outcome, cause error) *generation {
	g := p.gen
	if g == nil {
		return nil
	}
	p.gen = nil
	return g.record(o, p.started, p.round, cause)
}

// State returns the circuit's state. Like a call, it is what moves an open
// circuit whose time has elapsed to half-open; it takes no permit.
func (c *Circuit) State() State { return c.settled().state }

// settled returns the current generation, after the move that is due.
func (c *Circuit) settled() *generation {
	for {
		g := c.gen.Load()
		if g.state != Open {
			return g
		}
		now := c.now()
		if !g.elapsed(now) {
			return g
		}
		c.move(g, step{to: HalfOpen, at: now, reopening: g.reopening})
	}
}

// Snapshot returns the circuit's state and what it judges by, as of now. It
// moves a circuit as State does.
func (c *Circuit) Snapshot() Snapshot {
	g := c.settled()
	now := c.now()
	s := Snapshot{
		Name: c.name, State: g.state, Counts: g.counts(now),
		RetryAfter: g.remaining(now), Since: c.when(g.entered),
	}
	if g.rejection != nil {
		s.Cause = g.rejection.Cause
	}
	return s
}

// Isolate refuses all calls until Reset.
func (c *Circuit) Isolate() { c.force(step{to: Isolated}) }

// Reset closes the circuit, whatever its state, with fresh counters.
func (c *Circuit) Reset() { c.force(step{to: Closed}) }

// Trip opens the circuit for d from now; a d of zero or less means the
// configured recovery timeout, as grown by now. An isolated circuit stays
// isolated.
func (c *Circuit) Trip(d time.Duration) { c.force(step{to: Open, period: d}) }

func (c *Circuit) force(s step) {
	for {
		g := c.gen.Load()
		if g.state == Isolated && s.to != Closed {
			return
		}
		if s.to == Open {
			s.reopening = g.reopening // only closing ends the growth
		}
		s.at = c.now()
		if c.move(g, s) != nil {
			return
		}
	}
}
