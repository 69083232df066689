package storm

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// The places of the policies, the outermost first.
const (
	atFallback = iota
	atCache
	atCoalesce
	atTotal
	atRetry
	atHedge
	atBreaker
	atThrottle
	atLimiter
	atAttempt
	atGate
	atAdaptive
	atChaos
	depth
)

var (
	errMissing  = errors.New("storm: there is no such thing")
	errInjected = errors.New("storm: injected")
)

// policies makes the policies of the whole order, the outermost first.
func (w *whole) policies() []policy.Policy[worth] {
	w.jitter = w.random()
	w.budget = retry.NewBudget(retry.BudgetConfig{Ratio: 0.3, MinPerSecond: 100})
	return []policy.Policy[worth]{
		policy.Fallback(w.fallBack), w.newCache(), w.newCoalesce(), w.newTimeout("total", 10*time.Millisecond, 20*time.Millisecond),
		w.newRetry(), w.newHedge(), w.newBreaker(), w.newThrottle(), w.newLimiter(),
		w.newTimeout("attempt", 3*time.Millisecond, 5*time.Millisecond), w.newGate(), w.newAdaptive(), w.newChaos(),
	}
}

// random returns a random source for policies.
func (w *whole) random() func() float64 {
	rnd := rand.New(rand.NewPCG(w.seed, 0x717e4))
	var mu sync.Mutex
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return rnd.Float64()
	}
}

func (w *whole) chance(percent int) bool { return w.rnd.IntN(100) < percent }

// between returns a duration that is random to the nanosecond.
func (w *whole) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.rnd.Int64N(int64(most-least)))
}

// fallBack answers some calls, declines others and fails for the rest.
func (w *whole) fallBack(ctx context.Context, err error) (worth, error) {
	switch c := ctx.Value(wholeKey{}).(*wholeCall); c.n % 3 {
	case 0:
		return worth{key: c.key, by: c.n}, nil
	case 1:
		return worth{}, err
	}
	return worth{}, errFallback
}

func keyOf(ctx context.Context) (string, bool) {
	c := ctx.Value(wholeKey{}).(*wholeCall)
	return c.key, c.key != ""
}

func (w *whole) newCache() policy.Policy[worth] {
	cfg := cache.Config[string, worth]{
		Name: "cache", Key: keyOf, TTL: w.between(time.Millisecond/4, 2*time.Millisecond), Rand: w.jitter,
	}
	if w.chance(70) {
		cfg.Stale, cfg.RefreshTimeout = w.between(time.Millisecond, 20*time.Millisecond), refreshTime
		cfg.Cooldown = min(cfg.Stale, w.between(time.Millisecond, 3*time.Millisecond))
	}
	if w.chance(50) {
		cfg.StaleIfError = w.between(time.Millisecond, 20*time.Millisecond)
	}
	if w.chance(50) {
		cfg.NegativeTTL = w.between(time.Millisecond, 3*time.Millisecond)
		cfg.Negative = func(err error) bool { return errors.Is(err, errMissing) }
	}
	if w.chance(30) {
		cfg.MaxEntries = wholeKeys / 2
	}
	w.cache = cache.New(cfg)
	return w.cache
}

func (w *whole) newCoalesce() policy.Policy[worth] {
	w.coalesce = coalesce.New[string, worth](keyOf).WithName("coalesce")
	return w.coalesce
}

func (w *whole) newTimeout(name string, least, most time.Duration) policy.Policy[worth] {
	cfg := policy.TimeoutConfig{Name: name, After: w.between(least, most), Abandon: w.chance(40)}
	return policy.NewTimeout[worth](cfg).WithOnLate(w.late)
}

// late is the OnLate of timeouts: it gets the result of an abandoned function.
func (w *whole) late(v worth, err error) {
	var p *policy.PanicError
	switch {
	case errors.As(err, &p):
		w.endsAs(p.Value.(*boom).run, "late")
	case err == nil:
		w.endsAs(v.run, "late")
	}
}

func (w *whole) newRetry() policy.Policy[worth] {
	w.attempts = 2 + w.rnd.IntN(2)
	cfg := retry.Config{
		MaxAttempts: w.attempts, BaseDelay: w.between(1, time.Millisecond), Budget: w.budget, Rand: w.jitter, RetryRejected: w.chance(30),
	}
	return retry.New[worth](cfg).WithDiscard(func(v worth) { w.endsAs(v.run, "discarded") })
}

func (w *whole) newHedge() policy.Policy[worth] {
	w.extra = 1 + w.rnd.IntN(2)
	cfg := hedge.Config{
		Delay: w.between(time.Millisecond, 3*time.Millisecond), MaxExtra: w.extra, Budget: w.budget, OnFailure: w.chance(40), Abandon: w.chance(40),
	}
	return hedge.New[worth](cfg).WithDiscard(func(v worth) { w.endsAs(v.run, "discarded") }).
		WithOnLate(func(err error) { w.late(worth{}, err) })
}

// newBreaker returns a breaker whose circuit opens often, or counts everything in one state.
func (w *whole) newBreaker() policy.Policy[worth] {
	cfg := breaker.Config{
		Name: "circuit", FailureThreshold: 4, RecoveryTimeout: w.between(time.Millisecond, 5*time.Millisecond), HalfOpenMaxCalls: 2,
		SuccessThreshold: 2, Rand: w.jitter, OnStateChange: w.moved,
	}
	if w.rare = w.chance(50); w.rare {
		cfg.FailureThreshold, cfg.Window = longWindow, longWindow*time.Hour
	}
	w.circuit = breaker.NewCircuit(cfg)
	return breaker.New[worth](w.circuit)
}

func (w *whole) newThrottle() policy.Policy[worth] {
	cfg := throttle.Config{Name: "throttle", K: 1.5, Window: longWindow * time.Hour, MaxReject: 0.5, Rand: w.jitter}
	w.throttle = throttle.NewThrottle(cfg)
	return throttle.New[worth](w.throttle)
}

func (w *whole) newLimiter() policy.Policy[worth] {
	r := rate{limit: 3000 + w.rnd.IntN(6000), burst: 2 + w.rnd.IntN(6)}
	cfg := ratelimit.Config{Name: "limiter", Limit: r.limit, Burst: r.burst}
	if w.chance(60) {
		cfg.MaxWait = w.between(1, 3*time.Millisecond)
	}
	w.fastest = r
	w.limiter = ratelimit.NewLimiter(cfg)
	return ratelimit.New[worth](w.limiter)
}

func (w *whole) newGate() policy.Policy[worth] {
	cfg := bulkhead.Config{Name: "gate", Limit: 4 + w.rnd.IntN(6)}
	if w.chance(70) {
		cfg.MaxQueue, cfg.MaxWait = 4, w.between(1, 2*time.Millisecond)
	}
	w.gates.set(time.Now(), cfg.Limit)
	w.gate = bulkhead.NewGate(cfg)
	return bulkhead.New[worth](w.gate)
}

func (w *whole) newAdaptive() policy.Policy[worth] {
	cfg := adaptive.Config{
		Name: "adaptive", Initial: 4, Min: 2, Max: 8, Window: 5 * time.Millisecond, MinCalls: 5, OnChange: func(c adaptive.Change) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.adapts.set(c.At, c.To)
		},
	}
	if w.chance(50) {
		cfg.Target = w.between(time.Millisecond, 2*time.Millisecond)
	}
	if w.chance(50) {
		cfg.MaxQueue, cfg.MaxWait = 2, w.between(1, 2*time.Millisecond)
	}
	w.adaptive = adaptive.NewLimiter(cfg)
	w.adapts.set(time.Now(), w.adaptive.Limit())
	return adaptive.New[worth](w.adaptive)
}

// newChaos returns a mixture of all kinds. An injected value is a run of its own, with a
// negative number.
func (w *whole) newChaos() policy.Policy[worth] {
	cfg := func(name string, rate float64) chaos.Config {
		return chaos.Config{Name: name, Rate: rate, Enabled: w.chance(60), Rand: w.jitter}
	}
	latency := w.between(1, 3*time.Millisecond)
	w.chaos = chaos.Mix(
		chaos.Fault[worth](cfg("fault", 0.03), func(context.Context) error { return errInjected }),
		chaos.Latency[worth](cfg("latency", 0.05), func(context.Context) time.Duration { return latency }),
		chaos.Outcome(cfg("outcome", 0.03), w.inject),
		chaos.Behavior[worth](cfg("behavior", 0.03), func(ctx context.Context) error { return policy.Sleep(ctx, nil, latency) }),
	)
	return w.chaos
}

func (w *whole) inject(ctx context.Context) (worth, error) {
	c := ctx.Value(wholeKey{}).(*wholeCall)
	v := w.begin(c, -w.runs.Add(1))
	w.born(v, time.Now())
	return v, nil
}
