package storm

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func (p *planner) retry() []policy.Policy[int] {
	p.retries++
	r := &retryRules{Config: p.retryConfig()}
	if r.pure = r.RetryIf; r.pure != nil && p.alone {
		r.RetryIf = func(err error) bool {
			if c := p.s.current; c.n%3 == 0 { // the caller leaves when the retry has looked at the context
				c.caller.cancel(errGone)
				c.rest() // a goroutine of package context's may pass it on
			}
			return r.pure(err)
		}
	}
	t := retry.New[int](r.Config)
	if p.chance(20) {
		r.when = func(v int, err error) bool { return err != nil || v%5 == 0 }
		t = t.WithCondition(r.when)
	}
	var d door
	if r.drops = r.when == nil && p.chance(20); r.drops {
		d = func(ctx context.Context, fn policy.Func[int]) (int, error) { return retry.Do(ctx, r.Config, fn) }
	}
	return p.watched(r.Name, r, t.WithDiscard(func(v int) { p.s.ledger.enter(v, "discarded") }), d)
}

func (p *planner) retryConfig() retry.Config {
	cfg := retry.Config{
		Name: p.name("retry"), MaxAttempts: 1 + p.rnd.IntN(4),
		BaseDelay: 100*time.Microsecond + p.upTo(time.Millisecond),
		MaxDelay:  2*time.Millisecond + p.upTo(longestBackoff-2*time.Millisecond), Multiplier: 1 + 2*p.rnd.Float64(),
		JitterFactor: p.rnd.Float64(), Clock: p.clock, Rand: p.random,
	}
	if p.chance(30) {
		cfg.MaxElapsed = p.upTo(5 * time.Millisecond)
	}
	if p.chance(10) {
		cfg.MaxAttempts, cfg.MaxElapsed = retry.Unlimited, p.upTo(5*time.Millisecond)
	}
	if p.chance(30) {
		cfg.MaxRetryAfter = p.upTo(longest)
	}
	if p.chance(30) {
		cfg.Budget = p.budget
	}
	if p.chance(20) {
		cfg.RetryIf = func(error) bool { return true }
	}
	if p.chance(20) {
		cfg.RetryRejected = true
	}
	if p.chance(30) {
		cfg.KeepErrors = p.rnd.IntN(4)
	}
	if p.chance(20) {
		cfg.OnRetry = p.s.onRetry
	}
	cfg.Backoff = p.backoff()
	return cfg
}

// longestBackoff is what no retry waits longer than, unless it is asked to.
const longestBackoff = 10 * time.Millisecond

func (p *planner) backoff() retry.Backoff {
	base, limit := 100*time.Microsecond+p.upTo(time.Millisecond), p.upTo(longestBackoff)
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
