package storm

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// longWindow is more calls, and more hours, than a scene has.
const longWindow = 100_000

// circuit returns the tally of a new circuit that is often half-open.
func (p *planner) circuit(name string) *tally {
	cfg := breaker.Config{
		Name: name, FailureThreshold: 1 + p.rnd.IntN(4), RecoveryTimeout: p.upTo(20 * time.Millisecond),
		HalfOpenMaxCalls: 1 + p.rnd.IntN(3), SuccessThreshold: 1 + p.rnd.IntN(6),
		Clock: p.clock, RecoveryJitter: p.rnd.Float64(),
	}
	if p.chance(25) { // on real time this has a timer
		cfg.RecoveryTimeout += time.Second
	}
	if p.chance(30) {
		cfg.MaxRecoveryTimeout = cfg.RecoveryTimeout + p.upTo(time.Second)
	}
	switch p.rnd.IntN(6) {
	case 0:
		cfg.Window, cfg.FailureRate, cfg.MinCalls = 10+p.upTo(time.Second), 0.1+0.9*p.rnd.Float64(), 1+p.rnd.IntN(5)
	case 1:
		cfg.WindowCalls, cfg.FailureRate = 5+p.rnd.IntN(20), 0.1+0.9*p.rnd.Float64()
	case 2:
		cfg.WindowCalls, cfg.SlowCall, cfg.SlowRate = 5+p.rnd.IntN(20), p.upTo(5*time.Millisecond), 0.1+0.9*p.rnd.Float64()
	case 3:
		cfg.Window = longWindow * time.Hour
		p.rarely(&cfg)
	case 4:
		cfg.WindowCalls = longWindow
		p.rarely(&cfg)
	}
	if cfg.SuccessThreshold > 3 {
		cfg.SuccessThreshold, cfg.ProbeCalls, cfg.ProbeFailureRate = 0, 1+p.rnd.IntN(4), 0.1+0.9*p.rnd.Float64()
	}
	if p.chance(15) {
		cfg.Classify = func(err error) policy.Outcome {
			if errors.Is(err, errOver) {
				return policy.Ignored
			}
			return policy.Undecided
		}
	}
	cfg.Shadow = p.chance(10)
	t := &tally{cfg: cfg, fixed: cfg, born: p.s.now(), since: p.s.now(), deaf: !p.s.observed}
	cfg.OnStateChange = func(m breaker.Transition) { p.s.hear(t, m) }
	cfg.Rand = func() float64 { return p.s.draw(t, p.random) }
	if p.double.circuit != nil {
		p.double.circuit(&cfg)
	}
	t.circuit, t.real, t.least = breaker.NewCircuit(cfg), cfg, cfg.RecoveryTimeout
	t.circuit.Watch(func(m breaker.Transition) { p.s.watch(t, m) })
	return t
}

// rechange is what a circuit is reconfigured to. If callers share the pipeline, only sums are
// known of its circuits, and their thresholds stay as they are.
type rechange struct {
	circuit   int
	recovery  time.Duration
	places    int
	threshold int
	successes int
	probes    int
	window    int // of calls; 0 leaves the window
}

func change(rnd *rand.Rand) *rechange {
	c := &rechange{
		circuit: rnd.IntN(2), recovery: time.Duration(1 + rnd.Int64N(int64(20*time.Millisecond))), places: 1 + rnd.IntN(3),
		threshold: 1 + rnd.IntN(4), successes: 1 + rnd.IntN(3), probes: 1 + rnd.IntN(4),
	}
	if rnd.IntN(2) == 0 {
		c.window = 5 + rnd.IntN(20)
	}
	return c
}

// of returns cfg with the changes that apply to its kind. shown is the config as the storm knows
// it, from which the config of a double may differ.
func (c *rechange) of(cfg, shown breaker.Config, alone bool) breaker.Config {
	cfg.RecoveryTimeout, cfg.HalfOpenMaxCalls, cfg.MaxRecoveryTimeout = c.recovery, c.places, 0
	if !alone {
		return cfg
	}
	if shown.FailureThreshold > 0 && shown.FailureThreshold <= 4 {
		cfg.FailureThreshold += c.threshold - shown.FailureThreshold
	}
	if shown.SuccessThreshold > 0 {
		cfg.SuccessThreshold += c.successes - shown.SuccessThreshold
	}
	if shown.ProbeCalls > 0 {
		cfg.ProbeCalls += c.probes - shown.ProbeCalls
	}
	if c.window > 0 && shown.WindowCalls > 0 && shown.WindowCalls < longWindow {
		cfg.WindowCalls = c.window
	}
	return cfg
}

// differ reports whether two configs of one circuit differ in the fields that a rechange sets.
func differ(a, b breaker.Config) bool {
	return a.RecoveryTimeout != b.RecoveryTimeout || a.MaxRecoveryTimeout != b.MaxRecoveryTimeout ||
		a.HalfOpenMaxCalls != b.HalfOpenMaxCalls || a.FailureThreshold != b.FailureThreshold ||
		a.SuccessThreshold != b.SuccessThreshold || a.ProbeCalls != b.ProbeCalls || a.WindowCalls != b.WindowCalls
}

// reconfigure changes the recovery timeout and the permits of a circuit. If the storm knows what
// the circuit must do, it also changes thresholds and the window.
func (s *scene) reconfigure(c *rechange) {
	s.changing.Lock()
	defer s.changing.Unlock()
	t := s.tallies[c.circuit]
	s.mu.Lock()
	was, shown := t.real, t.cfg
	t.cfg = c.of(shown, shown, s.alone)
	is := c.of(was, shown, s.alone)
	if s.plan.double.changed != nil {
		s.plan.double.changed(was, &is)
	}
	t.least, t.changed = min(t.least, is.RecoveryTimeout), true
	if t.cfg.WindowCalls != shown.WindowCalls && t.state == breaker.Closed { // counting begins anew
		t.ends, t.wanted = nil, t.state
		t.stay++
	}
	if differ(was, is) { // the attempts of a call may repeat a step
		t.reconfigured++
	}
	s.mu.Unlock()
	if err := t.circuit.Reconfigure(is); err != nil {
		s.fault("circuit %s: %v", t.fixed.Name, err)
	}
	s.mu.Lock()
	t.real = is // until here, a move may have been made under the old config
	s.mu.Unlock()
}

// rarely makes a circuit open after many failures, at a rate, or never.
func (p *planner) rarely(cfg *breaker.Config) {
	switch p.rnd.IntN(3) {
	case 0:
		cfg.FailureThreshold = 20 + p.rnd.IntN(50)
	case 1:
		cfg.FailureThreshold, cfg.FailureRate = 0, 0.5+0.5*p.rnd.Float64()
	case 2:
		cfg.FailureThreshold = longWindow
	}
}
