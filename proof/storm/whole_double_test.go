package storm

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// wholeDoubles have one fault each. want is part of what the scene must report.
var wholeDoubles = []struct {
	name, want string
	wholeDouble
}{
	{"an adaptive permit is lost with a panic", "the adaptive limiter has", at(atAdaptive, func(w *whole, ctx context.Context, next policy.Call[worth]) (worth, error) {
		p, err := w.adaptive.Acquire(ctx)
		if err != nil {
			return worth{}, err
		}
		v, err := next.Do(ctx)
		p.Record(policy.Success)
		return v, err
	})},
	{"a place in the gate is lost with a panic", "the gate has", at(atGate, func(w *whole, ctx context.Context, next policy.Call[worth]) (worth, error) {
		p, err := w.gate.Acquire(ctx)
		if err != nil {
			return worth{}, err
		}
		v, err := next.Do(ctx)
		p.Release()
		return v, err
	})},
	{"a probe's permit is lost with a panic", "probes out", at(atBreaker, func(w *whole, ctx context.Context, next policy.Call[worth]) (worth, error) {
		p, err := w.circuit.Acquire()
		if err != nil {
			return worth{}, err
		}
		v, err := next.Do(ctx)
		if err == nil {
			p.Record(policy.Success)
		} else {
			p.Record(policy.Failure)
		}
		return v, err
	})},
	{"the circuit does not count panics", "failures of the circuit", at(atBreaker, func(w *whole, ctx context.Context, next policy.Call[worth]) (worth, error) {
		p, err := w.circuit.Acquire()
		if err != nil {
			return worth{}, err
		}
		how := policy.Ignored
		defer func() { p.Record(how) }()
		v, err := next.Do(ctx)
		switch {
		case err == nil:
			how = policy.Success
		case !errors.Is(ctx.Err(), context.Canceled) && !errors.Is(err, policy.ErrRejected):
			how = policy.Failure
		}
		return v, err
	})},
	{"callers that leave count against the dependency", "requests of the throttle", at(atThrottle, func(w *whole, ctx context.Context, next policy.Call[worth]) (worth, error) {
		p, err := w.throttle.Acquire(ctx)
		if err != nil {
			return worth{}, err
		}
		how := policy.Failure
		defer func() { p.Record(how) }()
		v, err := next.Do(ctx)
		switch {
		case err == nil:
			how = policy.Success
		case errors.Is(err, policy.ErrRejected):
			how = policy.Ignored
		}
		return v, err
	})},
	{"one in ten goes past the rate limiter", "ahead of", often(atLimiter)},
	{"one in ten goes past the gate", "were inside of the gate", often(atGate)},
	{"one in ten goes past the adaptive limiter", "were inside of the adaptive limiter", often(atAdaptive)},
	{"a retry makes an attempt too many", "retry ran", of(atRetry, func(w *whole, _ policy.Policy[worth]) policy.Policy[worth] {
		return retry.New[worth](retry.Config{MaxAttempts: w.attempts + 1, BaseDelay: time.Microsecond})
	})},
	{"a retry takes no token", "and the budget granted", of(atRetry, func(w *whole, _ policy.Policy[worth]) policy.Policy[worth] {
		return retry.New[worth](retry.Config{MaxAttempts: w.attempts, BaseDelay: time.Microsecond})
	})},
	{"the values of attempts that lost are dropped", "want one thing", of(atHedge, func(_ *whole, h policy.Policy[worth]) policy.Policy[worth] {
		return h.(*hedge.Hedge[worth]).WithDiscard(func(worth) {})
	})},
	{"late values are dropped", "want one thing", of(atAttempt, func(_ *whole, t policy.Policy[worth]) policy.Policy[worth] {
		return t.(*policy.TimeoutPolicy[worth]).WithOnLate(func(worth, error) {})
	})},
	{"a panic becomes an error", "was lost", aroundPlace(atBreaker, func(run func() (worth, error)) (v worth, err error) {
		defer func() {
			if recover() != nil {
				err = errDown
			}
		}()
		return run()
	})},
	{"a success is another value", "bulkhead made", aroundPlace(atGate, func(run func() (worth, error)) (worth, error) {
		v, err := run()
		v.version++
		return v, err
	})},
	{"the fallback answers with a value of its own making", "which no run has made", aroundPlace(atFallback, func(run func() (worth, error)) (worth, error) {
		v, err := run()
		if errors.Is(err, errFallback) {
			return worth{key: "key 1", run: 1 << 40}, nil
		}
		return v, err
	})},
	{"an end is told twice", "more Finished events", wholeDouble{observer: func(o policy.Observer) policy.Observer {
		return func(ctx context.Context, e policy.Event) {
			o(ctx, e)
			if e.Kind == policy.Finished {
				o(ctx, e)
			}
		}
	}}},
	{"a goroutine is left", "a goroutine is left", aroundPlace(atChaos, func(run func() (worth, error)) (worth, error) {
		go func() { select {} }()
		return run()
	})},
	{"a flight stays when its last caller has left", "the end of another", of(atCoalesce, func(*whole, policy.Policy[worth]) policy.Policy[worth] {
		return &handFlights{sees: func(key string) string { return key }, flights: map[string]*handFlight{}}
	})},
	{"a flight is shared by all keys", "to a call for", of(atCoalesce, func(*whole, policy.Policy[worth]) policy.Policy[worth] {
		return &handFlights{sees: func(string) string { return "" }, flights: map[string]*handFlight{}}
	})},
	{"a cache keeps what began before it was deleted", "was there before it came", handCached(func(c *handCache) { c.forgets = true })},
	{"a cache refreshes at each stale read", "refreshes of", handCached(func(c *handCache) { c.refreshes = true })},
	{"a key is deleted, and its flight is not forgotten", "was there before it came", wholeDouble{
		invalidate: func(w *whole, ctx context.Context, key string) error { return w.cache.Delete(ctx, key) },
	}},
	{"a key is deleted before its flight is forgotten", "was there before it came", wholeDouble{
		invalidate: func(w *whole, ctx context.Context, key string) error {
			err := w.cache.Delete(ctx, key)
			time.Sleep(time.Millisecond)
			w.coalesce.Forget(key)
			return err
		},
	}},
}

func TestTheWholeOrderFindsEachFaultyPolicy(t *testing.T) {
	raced.Skip(t, planted)
	for _, d := range wholeDoubles {
		t.Run(d.name, func(t *testing.T) {
			for seed := uint64(1); seed < 1000; seed++ {
				w := enactWhole(t, seed, 500, d.wholeDouble)
				if strings.Contains(strings.Join(w.faults, "\n"), d.want) {
					return
				}
			}
			t.Fatalf("no scene reported %q", d.want)
		})
	}
}

func TestTheWholeOrderFindsNothingWrongWithRightDoubles(t *testing.T) {
	raced.Skip(t, planted)
	for name, d := range map[string]wholeDouble{
		"a flight forgotten a while before its key is deleted": {
			invalidate: func(w *whole, ctx context.Context, key string) error {
				w.coalesce.Forget(key)
				time.Sleep(time.Millisecond)
				return w.cache.Delete(ctx, key)
			},
		},
		"policies in wrappers": {instead: map[int]func(*whole, policy.Policy[worth]) policy.Policy[worth]{
			atGate: wrapped[*bulkhead.Bulkhead[worth]], atAdaptive: wrapped[*adaptive.Adaptive[worth]], atBreaker: wrapped[*breaker.Breaker[worth]],
		}},
	} {
		for seed := uint64(1); seed <= 10; seed++ {
			require.Empty(t, enactWhole(t, seed, 500, d).faults, "%s: seed %d", name, seed)
		}
	}
}

type doesWhole func(ctx context.Context, next policy.Call[worth]) (worth, error)

func (d doesWhole) Execute(ctx context.Context, next policy.Call[worth]) (worth, error) {
	return d(ctx, next)
}

func wrapped[P policy.Policy[worth]](_ *whole, p policy.Policy[worth]) policy.Policy[worth] {
	return doesWhole(p.(P).Execute)
}

// of replaces the policy at a place.
func of(place int, instead func(w *whole, of policy.Policy[worth]) policy.Policy[worth]) wholeDouble {
	return wholeDouble{instead: map[int]func(*whole, policy.Policy[worth]) policy.Policy[worth]{place: instead}}
}

// at makes the policy at a place by hand.
func at(place int, run func(w *whole, ctx context.Context, next policy.Call[worth]) (worth, error)) wholeDouble {
	return of(place, func(w *whole, _ policy.Policy[worth]) policy.Policy[worth] {
		return doesWhole(func(ctx context.Context, next policy.Call[worth]) (worth, error) {
			if ctx.Err() != nil {
				return worth{}, policy.Ended(ctx)
			}
			return run(w, ctx, next)
		})
	})
}

// aroundPlace changes what the policy at a place does with a call.
func aroundPlace(place int, change func(run func() (worth, error)) (worth, error)) wholeDouble {
	return of(place, func(_ *whole, p policy.Policy[worth]) policy.Policy[worth] {
		return doesWhole(func(ctx context.Context, next policy.Call[worth]) (worth, error) {
			return change(func() (worth, error) { return p.Execute(ctx, next) })
		})
	})
}

// often lets one call in ten go past the policy at a place.
func often(place int) wholeDouble {
	return of(place, func(w *whole, p policy.Policy[worth]) policy.Policy[worth] {
		return doesWhole(func(ctx context.Context, next policy.Call[worth]) (worth, error) {
			if ctx.Err() == nil && w.jitter() < 0.1 {
				return next.Do(ctx)
			}
			return p.Execute(ctx, next)
		})
	})
}
