package storm

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// longWindow is more calls than a scene's breakers ever see, and more hours.
const longWindow = 100_000

// circuit returns one that is often half-open.
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
	t := &tally{cfg: cfg, born: p.s.now(), since: p.s.now(), deaf: !p.s.observed}
	cfg.OnStateChange = func(m breaker.Transition) { p.s.hear(t, m) }
	cfg.Rand = func() float64 { return p.s.draw(t, p.random) }
	if p.double.circuit != nil {
		p.double.circuit(&cfg)
	}
	t.circuit, t.real = breaker.NewCircuit(cfg), cfg
	t.circuit.Watch(func(m breaker.Transition) { p.s.watch(t, m) })
	return t
}

// reconfigure changes what a circuit can be told while calls are made: its threshold, its
// places and its recovery time.
func (s *scene) reconfigure(t *tally, rnd *rand.Rand) {
	change := func(cfg *breaker.Config, recovery time.Duration, places int) {
		cfg.RecoveryTimeout, cfg.HalfOpenMaxCalls = recovery, places
		cfg.MaxRecoveryTimeout = 0
	}
	recovery, places := time.Duration(1+rnd.Int64N(int64(20*time.Millisecond))), 1+rnd.IntN(3)
	s.mu.Lock()
	changed := t.real
	change(&changed, recovery, places)
	change(&t.cfg, recovery, places)
	t.real = changed
	t.reconfigured++
	s.mu.Unlock()
	if err := t.circuit.Reconfigure(changed); err != nil {
		s.fault("circuit %s: %v", t.cfg.Name, err)
	}
}

// rarely has a circuit open after many failures or at a rate, or never.
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
