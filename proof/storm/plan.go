package storm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// planner makes a scene's policies. Times are random to the nanosecond, so that
// two things fall on one instant only where one brings the other about.
type planner struct {
	rnd      *rand.Rand
	clock    policy.Clock // nil means real time
	alone    bool         // histories are compared
	circuits []*breaker.Circuit
	budget   *retry.Budget
	random   func() float64 // for jitter
	retries  int            // so far; two at most, or attempts multiply
	names    int

	// bound is the least time that a call is sure to be over in, by a limit that no
	// retry stands outside of; 0 where there is none.
	bound  time.Duration
	places map[*breaker.Circuit]int // of a half-open state
}

func (p *planner) upTo(d time.Duration) time.Duration {
	return 1 + time.Duration(p.rnd.Int64N(int64(d)))
}
func (p *planner) chance(percent int) bool { return p.rnd.IntN(100) < percent }

func (p *planner) name(kind string) string {
	p.names++
	return fmt.Sprintf("%s %d", kind, p.names)
}

// policies returns n of them, the first outermost.
func (p *planner) policies(n int) []policy.Policy[int] {
	var all []policy.Policy[int]
	for range n {
		all = append(all, p.policy())
	}
	return all
}

// outermost returns the policies of the pipeline. Where histories are compared,
// a limit that leaves its function stands innermost and in real time: a retry in
// it would end in the instant in which its caller leaves, and on an AutoAdvance
// clock an abandoned function would move time beside its caller. Either could
// be first.
func (p *planner) outermost() []policy.Policy[int] {
	n := 1 + p.rnd.IntN(6)
	if p.alone && p.clock == nil && p.chance(30) {
		return append(p.policies(n-1), p.limit(true))
	}
	return p.policies(n)
}

func (p *planner) policy() policy.Policy[int] {
	switch p.rnd.IntN(10) {
	case 0:
		return p.fallback()
	case 1, 2:
		if p.retries < 2 {
			return p.retry()
		}
		return p.timeout()
	case 3, 4, 5:
		return p.breaker()
	case 6, 7, 8:
		return p.timeout()
	}
	nested := pipeline.New(p.policies(1 + p.rnd.IntN(2))...).Named(p.name("nested"))
	if p.chance(50) {
		nested = nested.Observe(func(context.Context, policy.Event) {})
	}
	return nested
}

var errFallback = errors.New("storm: the fallback failed too")

func (p *planner) fallback() policy.Policy[int] {
	switch p.rnd.IntN(3) {
	case 0:
		return policy.FallbackValue(7)
	case 1:
		return policy.FallbackValue(8).When(func(v int, err error) bool { return err != nil && v%2 == 0 })
	}
	return policy.Fallback(func(context.Context, error) (int, error) { return 0, errFallback })
}

func (p *planner) timeout() policy.Policy[int] {
	return p.limit(!p.alone && p.chance(30))
}

func (p *planner) limit(abandon bool) policy.Policy[int] {
	cfg := policy.TimeoutConfig{
		Name: p.name("timeout"), After: p.upTo(20 * time.Millisecond), Clock: p.clock, Abandon: abandon,
	}
	bound := cfg.After
	if !cfg.Abandon {
		bound += slack
	}
	if p.retries == 0 && (p.bound == 0 || bound < p.bound) {
		p.bound = bound
	}
	if cfg.Abandon {
		return policy.NewTimeout[int](cfg).OnLate(func(int, error) {})
	}
	return policy.NewTimeout[int](cfg)
}

func (p *planner) breaker() policy.Policy[int] {
	b := breaker.New[int](p.circuits[p.rnd.IntN(len(p.circuits))])
	if p.chance(20) {
		b = b.When(func(v int, _ error) policy.Outcome { return policy.Outcome(uint(v) % 3) })
	}
	return b
}

func (p *planner) retry() policy.Policy[int] {
	p.retries++
	cfg := retry.Config{
		Name: p.name("retry"), MaxAttempts: 1 + p.rnd.IntN(4),
		BaseDelay: 100*time.Microsecond + p.upTo(time.Millisecond),
		MaxDelay:  2*time.Millisecond + p.upTo(10*time.Millisecond), Multiplier: 1 + 2*p.rnd.Float64(),
		JitterFactor: p.rnd.Float64(), Clock: p.clock, Rand: p.random,
	}
	if p.chance(30) {
		cfg.MaxElapsed = p.upTo(5 * time.Millisecond)
	}
	if p.chance(10) {
		cfg.MaxAttempts, cfg.MaxElapsed = retry.Unlimited, p.upTo(5*time.Millisecond)
	}
	if p.chance(30) {
		cfg.Budget = p.budget
	}
	if p.chance(20) {
		cfg.RetryIf = func(error) bool { return true }
	}
	if p.chance(20) {
		cfg.OnRetry = func(context.Context, policy.Event) {}
	}
	cfg.Backoff = p.backoff()
	r := retry.New[int](cfg)
	if p.chance(20) {
		r = r.When(func(v int, err error) bool { return err != nil || v%5 == 0 })
	}
	return r.Discard(func(int) {})
}

func (p *planner) backoff() retry.Backoff {
	base, limit := 100*time.Microsecond+p.upTo(time.Millisecond), p.upTo(10*time.Millisecond)
	limit = max(base, limit)
	switch p.rnd.IntN(10) {
	case 0:
		return retry.Constant(base)
	case 1:
		return retry.Sequence(base, limit)
	case 2:
		return retry.Linear(base, limit)
	case 3:
		return retry.Fibonacci(base, limit)
	case 4:
		return retry.EqualJitter(base, limit)
	case 5:
		return retry.Decorrelated(base, limit)
	}
	return nil
}

// circuit returns one that is often half-open.
func (p *planner) circuit(name string, told func(breaker.Transition)) *breaker.Circuit {
	cfg := breaker.Config{
		Name: name, FailureThreshold: 1 + p.rnd.IntN(4), RecoveryTimeout: p.upTo(20 * time.Millisecond),
		HalfOpenMaxCalls: 1 + p.rnd.IntN(3), SuccessThreshold: 1 + p.rnd.IntN(6),
		OnStateChange: told, Clock: p.clock, Rand: p.random, RecoveryJitter: p.rnd.Float64(),
	}
	if p.chance(30) {
		cfg.MaxRecoveryTimeout = cfg.RecoveryTimeout + p.upTo(time.Second)
	}
	switch p.rnd.IntN(4) {
	case 0:
		cfg.Window, cfg.FailureRate, cfg.MinCalls = 10+p.upTo(time.Second), 0.1+0.9*p.rnd.Float64(), 1+p.rnd.IntN(5)
	case 1:
		cfg.WindowCalls, cfg.FailureRate = 5+p.rnd.IntN(20), 0.1+0.9*p.rnd.Float64()
	case 2:
		cfg.WindowCalls, cfg.SlowCall, cfg.SlowRate = 5+p.rnd.IntN(20), p.upTo(5*time.Millisecond), 0.1+0.9*p.rnd.Float64()
	}
	c := breaker.NewCircuit(cfg)
	p.places[c] = cfg.HalfOpenMaxCalls
	return c
}
