package breaker

import (
	"errors"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/mono"
	"github.com/ductile-go/ductile/policy"
)

// Circuit is the state of one dependency, shared by all calls to it, of any
// result type. Make one with [NewCircuit]; the zero Circuit is not usable. It is
// safe for concurrent use, also inside and outside of bubbles of testing/synctest.
type Circuit struct {
	// gen is the current generation. All moves are compare-and-swaps of it, so of
	// several callers that find the same state due to be left, one moves it.
	gen     atomic.Pointer[generation]
	name    string
	time    mono.Since
	initial rules
	// announcer is made for the first listener. Moves look at it after their swap,
	// and Watch looks at gen after it has stored it: a move that does not find it was
	// made before Watch began.
	announcer atomic.Pointer[announcer]

	first generation // in here, so that a circuit that never moves is one object
}

// NewCircuit returns a closed circuit. It panics with Validate's error.
func NewCircuit(cfg Config) *Circuit {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	c := &Circuit{name: cfg.Name, time: mono.Start(cfg.Clock), initial: rulesOf(cfg.withDefaults())}
	g := &c.first
	g.circuit, g.rules, g.root = c, &c.initial, g
	g.count()
	c.gen.Store(g)
	if cfg.OnStateChange != nil {
		c.announcer.Store(&announcer{told: g})
	}
	return c
}

// Validate returns nil for a circuit that NewCircuit made, and for a nil or a zero
// one an error that says so. It is for code that accepts a Circuit from its caller.
func (c *Circuit) Validate() error {
	if c.made() {
		return nil
	}
	return errors.New("breaker: " + c.fault())
}

func (c *Circuit) made() bool { return c != nil && c.initial.rare != nil }

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
	var a admission
	for {
		switch moved, refused := c.admit(&a, false); {
		case moved != nil: // to half-open; now for a place
		case refused != nil:
			return Permit{}, refused
		default:
			return Permit{admission: a}, nil
		}
	}
}

// admit admits a call and fills a, or refuses it, or makes a move that is due and
// returns the generation that it moved to: then nothing is decided yet. If timed, the
// circuit is asked to remember the start of the call where it reads the clock for it
// anyway.
func (c *Circuit) admit(a *admission, timed bool) (moved *generation, refused *OpenError) {
	for {
		g := c.gen.Load()
		switch g.state {
		case Open:
			now, due := g.due()
			if !due {
				return nil, g.refuse(a)
			}
			if moved := c.move(g, step{to: HalfOpen, at: now, why: recoveryElapsed}); moved != nil {
				return moved, nil
			}
		case Closed:
			c.begin(a, g, timed)
			return nil, nil
		case HalfOpen:
			round, ok := g.shut.probation.admit(g)
			if !ok {
				g.root.rejected.Inc()
				return nil, g.refuse(a)
			}
			// Asked again: a permit of a state that was left meanwhile would let a
			// call through that the circuit, open by now, refuses.
			if c.gen.Load().root == g.root {
				c.begin(a, g, timed)
				a.round = round
				return nil, nil
			}
			g.shut.probation.release(round)
		default:
			g.root.rejected.Inc()
			return nil, g.refuse(a)
		}
	}
}

// begin fills a for a call that g has admitted. Its start is measured if the circuit
// reads the clock for each call anyway.
func (c *Circuit) begin(a *admission, g *generation, timed bool) {
	a.gen, a.started = g, unmeasured
	if g.rules.rare.SlowCall > 0 || timed && g.times != nil {
		a.started = c.time.Now()
	}
}

// refuse turns a call away; in shadow it is let through and counts for nothing.
func (g *generation) refuse(a *admission) *OpenError {
	if r := &g.shut.rejection; !r.lenient {
		return r
	}
	*a = admission{gen: g, started: unmeasured, free: true}
	return nil
}

// State returns the circuit's state. Like a call, it moves an open circuit whose
// time has elapsed to half-open; it takes no permit.
func (c *Circuit) State() State { return c.settled().state }

// settled returns the current generation, after the move that is due.
func (c *Circuit) settled() *generation {
	for {
		g := c.gen.Load()
		if g.state != Open {
			return g
		}
		now := c.time.Now()
		if !g.elapsed(now) {
			return g
		}
		c.move(g, step{to: HalfOpen, at: now, why: recoveryElapsed})
	}
}

// Snapshot returns the circuit's state and what it judges by, as of now. It
// moves a circuit as State does.
func (c *Circuit) Snapshot() Snapshot {
	g := c.settled()
	now := c.time.Now()
	s := Snapshot{
		Name: c.name, State: g.state, Reason: g.reason(), Shadow: g.rules.shadow,
		Counts: g.shown(now), RetryAfter: g.remaining(now), Since: c.time.When(g.entered),
	}
	if g.shut != nil {
		s.Cause = g.shut.rejection.Cause
	} else {
		s.Cause = g.root.last.Load().error()
	}
	return s
}

// Idle reports whether nothing would be lost if the circuit were dropped and made
// anew: it is closed without a counted failure or slow call, or open past its recovery
// and unused since. A circuit that is half-open or isolated, or that has a failure in
// its window, is never idle. Idle moves nothing. Calls in flight are not considered:
// of a circuit that is dropped, the outcomes of calls in flight are lost.
func (c *Circuit) Idle() bool {
	g := c.gen.Load()
	switch g.state {
	case Closed:
		counts := g.counts(c.time.Now())
		return counts.Failures == 0 && counts.Slow == 0
	case Open:
		return g.elapsed(c.time.Now())
	}
	return false
}

// Isolate refuses all calls until Reset, also those of a circuit in shadow. The
// reason, which may be empty, is what Transition, Snapshot and OpenError show. On an
// isolated circuit it does nothing.
func (c *Circuit) Isolate(reason string) { c.force(step{to: Isolated, text: reason, forced: true}) }

// Reset closes the circuit, whatever its state, with fresh counters.
func (c *Circuit) Reset() { c.force(step{to: Closed, why: reset}) }

// Trip opens the circuit for d from now; a d of zero or less means the
// configured recovery timeout, as grown by now. It refuses calls in shadow too. The
// reason, which may be empty, is what Transition, Snapshot and OpenError show. An
// isolated circuit stays isolated.
func (c *Circuit) Trip(d time.Duration, reason string) {
	c.force(step{to: Open, period: max(0, d), text: reason, forced: true})
}

func (c *Circuit) force(s step) {
	for {
		g := c.gen.Load()
		if g.state == Isolated && s.to != Closed {
			return
		}
		s.reopening = g.reopening() // only closing ends the growth
		s.at = c.time.Now()
		if c.move(g, s) != nil {
			return
		}
	}
}

// clock returns the clock that the circuit was given, or nil.
func (c *Circuit) clock() policy.Clock {
	clock, _ := c.time.Clock().(policy.Clock)
	return clock
}
