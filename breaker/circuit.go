package breaker

import (
	"errors"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/mono"
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/policy"
)

// Where to find what:
//
//	circuit.go      the type, and what its callers may ask it and order it to do
//	admit.go        how a call is admitted or refused
//	count.go        how the end of a call is counted and judged
//	move.go         how a circuit moves to another state
//	reconfigure.go  how it gets other rules
//	watch.go        how its listeners hear of both
//	generation.go   what a state consists of; its counters: window.go, call_window.go, probation.go
//	breaker.go      the policy; guard.go has its general path, keep.go that of WithKeep

// Circuit is the state of one dependency, shared by all calls to it, of any result type.
// Make one with [NewCircuit]; the zero Circuit is not usable. It is safe for concurrent
// use, inside and outside of bubbles of testing/synctest.
type Circuit struct {
	// gen is the current generation. Every move is a compare-and-swap of it, so of
	// goroutines that find the same state due to end, one moves the circuit.
	gen     atomic.Pointer[generation]
	name    string
	time    mono.Since
	initial rules
	// announcer is made for the first listener. A move loads it after the swap, and Watch
	// loads gen after it has stored it. So a move that does not find it was made before
	// Watch began.
	announcer atomic.Pointer[announcer]

	first generation // a field, so that a circuit that never moves is one object
}

// NewCircuit returns a closed circuit. It panics with the error of [Config.Validate].
func NewCircuit(cfg Config) *Circuit {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	c := &Circuit{name: cfg.Name, time: mono.Start(cfg.Clock), initial: rulesOf(cfg.withDefaults())}
	g := &c.first
	g.circuit, g.rules, g.root = c, &c.initial, g
	g.closeAnew()
	c.gen.Store(g)
	if cfg.OnStateChange != nil {
		c.announcer.Store(&announcer{last: g})
	}
	return c
}

// Name returns the circuit's name.
func (c *Circuit) Name() string { return c.name }

// State returns the circuit's state. Like a call, it moves an open circuit whose time has
// elapsed to half-open. It takes no permit.
func (c *Circuit) State() State { return c.settled().state }

// Snapshot returns the circuit's current state and counts. Like State, it may move an
// open circuit to half-open.
func (c *Circuit) Snapshot() Snapshot {
	g := c.settled()
	now := c.time.Now()
	s := Snapshot{
		Name: c.name, State: g.state, Reason: g.reason(), Shadow: g.rules.shadow,
		Counts: g.shown(now), RetryAfter: g.remaining(now), Since: c.time.When(g.entered),
	}
	if g.state == HalfOpen {
		s.Probes = int(permitWord(g.shut.probation.permits.Load()).out())
	}
	if g.shut != nil {
		s.Cause = g.shut.rejection.Cause
	} else {
		s.Cause = g.root.last.Load().error()
	}
	return s
}

// settled returns the current generation, after the move from open to half-open if that is
// due.
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

// Idle reports whether the circuit could be replaced by a new one without a loss: it is
// closed without a counted failure or slow call, or open past its recovery and not used
// since. A circuit that is half-open or isolated is never idle. Idle does not move the
// circuit. It does not consider calls in flight: if the circuit is dropped, their outcomes
// are lost.
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

// Isolate makes the circuit refuse all calls until Reset, even in shadow. The reason, which
// may be empty, is shown by Transition, Snapshot and OpenError. On an isolated circuit it
// does nothing.
func (c *Circuit) Isolate(reason string) { c.force(step{to: Isolated, text: reason, forced: true}) }

// Reset closes the circuit, whatever its state, with fresh counters.
func (c *Circuit) Reset() { c.force(step{to: Closed, why: reset}) }

// Trip opens the circuit for d, even in shadow. If d is zero or less, it stays open for the
// recovery timeout, which reopenings may have doubled. The reason, which may be empty, is
// shown by Transition, Snapshot and OpenError. On an isolated circuit Trip does nothing.
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

// fault returns what is wrong with a circuit that NewCircuit did not make, and "" for one
// that it made.
func (c *Circuit) fault() string {
	switch {
	case c == nil:
		return "circuit is nil, want one made by NewCircuit"
	case c.initial.cold == nil:
		return "zero Circuit, want one made by NewCircuit"
	}
	return ""
}

func init() {
	origin.Circuit = func(c any) error {
		if fault := c.(*Circuit).fault(); fault != "" {
			return errors.New("breaker: " + fault)
		}
		return nil
	}
}
