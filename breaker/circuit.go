package breaker

import (
	"log"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Circuit is the state of one dependency, shared by all calls to it, of any
// result type. Make one with [NewCircuit]. It is safe for concurrent use.
type Circuit struct {
	gen  atomic.Pointer[generation]
	cfg  Config
	born time.Time // where the circuit's clock begins

	// Who tells OnStateChange, and how far it has got; see tell.
	telling atomic.Bool
	told    *generation
}

// NewCircuit returns a closed circuit. It panics with Validate's error.
func NewCircuit(cfg Config) *Circuit {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	c := &Circuit{cfg: cfg.withDefaults(), born: policy.Now(cfg.Clock)}
	g := c.generation(nil, step{to: Closed}, 0, c.born)
	c.told = g
	c.gen.Store(g)
	return c
}

// Name returns the circuit's name.
func (c *Circuit) Name() string { return c.cfg.Name }

// now returns the nanoseconds since the circuit was made, on the monotonic
// reading of its clock if that has one.
func (c *Circuit) now() int64 {
	if c.cfg.Clock == nil {
		return int64(time.Since(c.born))
	}
	return int64(c.cfg.Clock.Now().Sub(c.born))
}

// Acquire admits a call or refuses it with an *[OpenError]. The permit of an
// admitted call must be given to Record when the call has ended; a half-open
// circuit holds its place until then. Most callers want [Do] or a [Breaker],
// which see to that.
func (c *Circuit) Acquire() (Permit, error) {
	for {
		g := c.gen.Load()
		switch g.state {
		case Closed:
			if c.cfg.SlowCall > 0 {
				return Permit{gen: g, started: c.now()}, nil
			}
			return Permit{gen: g}, nil
		case Open:
			if !g.elapsed(c.now()) {
				return Permit{}, g.refuse()
			}
			c.move(g, step{to: HalfOpen, reopening: g.reopening})
		case HalfOpen:
			round, ok := g.admit(c.now())
			if !ok {
				return Permit{}, g.refuse()
			}
			// Asked again: a permit of a state that was left meanwhile would let a
			// call through that the circuit, open by now, refuses.
			if c.gen.Load() == g {
				return Permit{gen: g, round: round}, nil
			}
			g.release(round)
		default:
			return Permit{}, g.refuse()
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
// nothing. An outcome that is neither Success nor Ignored is a Failure.
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
		if g.state != Open || !g.elapsed(c.now()) {
			return g
		}
		c.move(g, step{to: HalfOpen, reopening: g.reopening})
	}
}

// Snapshot returns the circuit's state and what it judges by, as of now. It
// moves a circuit as State does.
func (c *Circuit) Snapshot() Snapshot {
	g := c.settled()
	s := Snapshot{
		Name: c.cfg.Name, State: g.state, Counts: g.counts(c.now()),
		RetryAfter: g.remaining(), Since: g.at,
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
// configured recovery timeout. An isolated circuit stays isolated.
func (c *Circuit) Trip(d time.Duration) { c.force(step{to: Open, period: d}) }

func (c *Circuit) force(s step) {
	for {
		g := c.gen.Load()
		if g.state == Isolated && s.to != Closed {
			return
		}
		if c.move(g, s) != nil {
			return
		}
	}
}

// step is where a circuit is to go.
type step struct {
	to        State
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
	at := policy.Now(c.cfg.Clock)
	to := c.generation(g, s, int64(at.Sub(c.born)), at)
	if !c.gen.CompareAndSwap(g, to) {
		return nil
	}
	if c.cfg.OnStateChange != nil {
		g.next.Store(to)
		c.tell()
	}
	return to
}

// generation makes what follows g, which is nil at the very beginning.
func (c *Circuit) generation(g *generation, s step, now int64, at time.Time) *generation {
	to := &generation{circuit: c, state: s.to, entered: now, at: at, reopening: s.reopening}
	switch {
	case s.to == Open:
		to.until = c.until(now, s)
	case s.to == Closed && c.cfg.Window > 0:
		to.times = &timeWindow{width: int64(c.cfg.Window) / buckets}
	case s.to == Closed && c.cfg.WindowCalls > 0:
		to.calls = newCallWindow(c.cfg.WindowCalls)
	case s.to == Closed:
		to.inRow = true
	}
	if s.to != Closed {
		to.rejection = &OpenError{Name: c.cfg.Name, State: s.to, Cause: s.cause, gen: to}
	}
	if g != nil && s.to == HalfOpen && g.rejection != nil {
		to.rejection.Cause = g.rejection.Cause
	}
	if g != nil && g.state != s.to {
		to.told = &Transition{
			Name: c.cfg.Name, From: g.state, To: s.to, At: at, Counts: g.counts(now), Cause: s.cause,
		}
	}
	return to
}

// until returns when an open state that begins now may be left.
func (c *Circuit) until(now int64, s step) int64 {
	if s.period > 0 {
		return later(now, s.period)
	}
	period := c.cfg.RecoveryTimeout
	for range s.reopening {
		if period >= c.cfg.MaxRecoveryTimeout {
			break
		}
		period = min(2*period, c.cfg.MaxRecoveryTimeout)
		if period <= 0 { // doubled past what a Duration holds
			period = c.cfg.MaxRecoveryTimeout
		}
	}
	if c.cfg.RecoveryJitter > 0 {
		random := c.cfg.Rand
		if random == nil {
			random = rand.Float64
		}
		share := min(max(random(), 0), 1)
		if math.IsNaN(share) { // a source that breaks its promise must not shut the circuit for ever
			share = 0
		}
		extra := float64(period) * c.cfg.RecoveryJitter * share
		if extra >= float64(math.MaxInt64-period) {
			return math.MaxInt64
		}
		period += time.Duration(extra)
	}
	return later(now, period)
}

// later adds without overflowing.
func later(now int64, d time.Duration) int64 {
	if now > math.MaxInt64-int64(d) {
		return math.MaxInt64
	}
	return now + int64(d)
}

// tell hands OnStateChange every move that it has not heard of, in order. Each
// generation knows its successor, and one goroutine at a time walks that list.
// Whoever moves the circuit while another walks leaves the telling to it.
//
// The walker lets go of the flag and then looks once more: a mover that found
// the flag taken had stored its successor before, so one of the two sees it.
func (c *Circuit) tell() {
	for c.telling.CompareAndSwap(false, true) {
		if last := c.tellPending(); last.next.Load() == nil {
			return
		}
	}
}

func (c *Circuit) tellPending() (last *generation) {
	finished := false
	defer func() {
		last = c.told
		c.telling.Store(false)
		if !finished { // OnStateChange ended its goroutine: tell the rest on the way
			c.tell()
		}
	}()
	for {
		next := c.told.next.Load()
		if next == nil {
			finished = true
			return
		}
		c.told.next.Store(nil) // or a permit held for long would hold every later state
		c.told = next
		if next.told != nil {
			c.notify(*next.told)
		}
	}
}

// notify calls OnStateChange. A panic in a listener must neither turn the
// result of a call that went well into a panic nor wedge the circuit; it is
// logged, as net/http logs those of handlers.
func (c *Circuit) notify(t Transition) {
	defer func() {
		if r := recover(); r != nil {
			log.Printf("breaker: OnStateChange of circuit %q panicked: %v\n%s", c.cfg.Name, r, debug.Stack())
		}
	}()
	c.cfg.OnStateChange(t)
}
