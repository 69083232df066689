package sim_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/sim"
	"github.com/ductile-go/ductile/throttle"
)

// parts makes a policy of each kind for a simulation.
var parts = map[string]func(ctx context.Context) policy.Policy[any]{
	"retry":   func(ctx context.Context) policy.Policy[any] { return retries(ctx, nil) },
	"timeout": attempt,
	"abandon": func(ctx context.Context) policy.Policy[any] {
		return policy.NewTimeout[any](policy.TimeoutConfig{After: 200 * ms, Abandon: true, Clock: sim.Clock(ctx)})
	},
	"breaker": func(ctx context.Context) policy.Policy[any] {
		return breaker.New[any](breaker.NewCircuit(breaker.Config{Window: 2 * seconds, FailureRate: 0.5, MinCalls: 10, RecoveryTimeout: 2 * seconds, Clock: sim.Clock(ctx), Rand: sim.Rand(ctx)}))
	},
	"bulkhead": func(ctx context.Context) policy.Policy[any] {
		return bulkhead.New[any](bulkhead.NewGate(bulkhead.Config{
			Limit: 8, MaxQueue: 100, MaxWait: seconds, Order: bulkhead.Adaptive,
			Delay: bulkhead.CoDel{Target: 50 * ms, Interval: 500 * ms}, Clock: sim.Clock(ctx),
		}))
	},
	"adaptive": func(ctx context.Context) policy.Policy[any] {
		return adaptive.New[any](adaptive.NewLimiter(adaptive.Config{MaxQueue: 100, Min: 5, Clock: sim.Clock(ctx)}))
	},
	"ratelimit": func(ctx context.Context) policy.Policy[any] {
		return ratelimit.New[any](ratelimit.NewLimiter(ratelimit.Config{Limit: 200, Burst: ratelimit.NoBurst, MaxWait: seconds, Clock: sim.Clock(ctx)}))
	},
	"throttle": func(ctx context.Context) policy.Policy[any] {
		return throttle.New[any](throttle.NewThrottle(throttle.Config{Window: 10 * seconds, Clock: sim.Clock(ctx), Rand: sim.Rand(ctx)}))
	},
	"hedge": func(ctx context.Context) policy.Policy[any] {
		return hedge.New[any](hedge.Config{Delay: 150 * ms, Clock: sim.Clock(ctx)})
	},
	"coalesce": func(ctx context.Context) policy.Policy[any] {
		return coalesce.New[string, any](sim.Key).WithClock(sim.Clock(ctx))
	},
	"cache": func(ctx context.Context) policy.Policy[any] {
		return cache.New[string, any](cache.Config[string, any]{Key: sim.Key, TTL: seconds, Stale: 2 * seconds, StaleIfError: time.Minute, Clock: sim.Clock(ctx), Rand: sim.Rand(ctx)})
	},
	"keyed": func(ctx context.Context) policy.Policy[any] {
		clock := sim.Clock(ctx)
		m := keyed.New(keyed.Config[string, *breaker.Circuit]{Clock: clock, Make: func(string) *breaker.Circuit {
			return breaker.NewCircuit(breaker.Config{FailureThreshold: 5, Clock: clock})
		}})
		return keyed.Policy(m, sim.Key, func(c *breaker.Circuit) policy.Policy[any] { return breaker.New[any](c) })
	},
	"chaos": func(ctx context.Context) policy.Policy[any] {
		return chaos.Latency[any](chaos.Config{Enabled: true, Rate: 0.1, Rand: sim.Rand(ctx), Clock: sim.Clock(ctx)}, func(context.Context) time.Duration { return ms })
	},
	"fallback": func(context.Context) policy.Policy[any] { return policy.FallbackValue[any](1) },
}

func variantOf(name string, parts ...func(ctx context.Context) policy.Policy[any]) sim.Variant {
	return sim.Variant{Name: name, Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
		var policies []policy.Policy[any]
		for _, p := range parts {
			policies = append(policies, p(ctx))
		}
		return pipeline.New(policies...)
	}}
}

// fit is a service that is used to 40 %.
func fit(variants ...sim.Variant) sim.Scenario {
	return sim.Scenario{
		Seed: 7, Duration: 20 * seconds,
		Clients:  []sim.Client{{Name: "web", Replicas: 2, Rate: 80, Calls: "api", Keys: 50}},
		Services: []sim.Service{{Name: "api", Replicas: 2, Workers: 4, Queue: 100, ServiceTime: sim.Exponential(10 * ms)}},
		Variants: variants,
	}
}

func TestWithoutFaultsEveryPolicyLeavesSuccessAndLoadAsTheyAre(t *testing.T) {
	var variants []sim.Variant
	for name, part := range parts {
		variants = append(variants, variantOf(name, part))
	}
	r, err := sim.Run(t.Context(), fit(variants...))
	require.NoError(t, err)
	for _, x := range r.Results {
		all := x.Between(0, 20*seconds)
		assert.EqualValues(t, 1, all.Success(), x.Variant)
		assert.InDelta(t, 1600, all.Calls, 150, x.Variant)
		switch x.Variant {
		case "cache", "coalesce": // their purpose
			assert.Less(t, all.Amplification(), 0.999, x.Variant)
		default:
			assert.InDelta(t, 1, all.Amplification(), 0.002, x.Variant)
		}
		assert.LessOrEqual(t, all.P99, 100*ms, x.Variant)
		assert.Zero(t, x.Recovery, x.Variant)
	}
}

func TestEveryPolicyRunsThroughAnOutage(t *testing.T) {
	s := fit()
	for name, part := range parts {
		s.Variants = append(s.Variants, variantOf(name, parts["fallback"], part, attempt), variantOf("all but "+name, except(name)...))
	}
	s.Clients[0].Rate /= float64(min(slower, 4))
	s.Services[0].Replicas = max(1, 2/min(slower, 4))
	s.Duration = 14 * seconds
	s.Faults = []sim.Fault{{At: 5 * seconds, For: 3 * seconds, Service: "api", Slow: 30}, {At: 9 * seconds, For: seconds, Service: "api", Down: true}, {At: 11 * seconds, For: seconds, Service: "api", Hang: true}}
	r, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	for _, x := range r.Results {
		assert.Positive(t, x.Between(0, 14*seconds).Requests, x.Variant)
		assert.GreaterOrEqual(t, x.Between(0, 4*seconds).Success(), 0.99, x.Variant)
	}
}

func except(left string) (all []func(ctx context.Context) policy.Policy[any]) {
	order := []string{"cache", "coalesce", "fallback", "throttle", "ratelimit", "hedge", "retry", "keyed", "breaker", "adaptive", "bulkhead", "abandon", "timeout", "chaos"}
	for _, name := range order {
		if name != left {
			all = append(all, parts[name])
		}
	}
	return all
}

func TestALoserOfAHedgeEndsInTheInstantOfTheWinner(t *testing.T) {
	var ended []time.Duration
	rehearse(t, func(ctx context.Context, clock policy.Clock, since func() time.Duration) {
		h := hedge.New[int](hedge.Config{Delay: 10 * ms, MaxExtra: 2, Clock: clock})
		n := 0
		v, err := h.Do(ctx, func(ctx context.Context) (int, error) {
			n++
			me := n
			if me == 2 {
				return me, policy.Sleep(ctx, clock, 20*ms)
			}
			err := policy.Sleep(ctx, clock, time.Hour)
			assert.ErrorIs(t, err, context.Canceled)
			ended = append(ended, since())
			return 0, err
		})
		assert.NoError(t, err)
		assert.Equal(t, 2, v)
		assert.Equal(t, 30*ms, since())
		assert.NoError(t, policy.Sleep(ctx, clock, seconds))
	})
	assert.Equal(t, []time.Duration{30 * ms, 30 * ms}, ended)
}

func TestAnAbandonedFunctionGoesOnInVirtualTime(t *testing.T) {
	var late time.Duration
	rehearse(t, func(ctx context.Context, clock policy.Clock, since func() time.Duration) {
		p := policy.NewTimeout[int](policy.TimeoutConfig{After: 10 * ms, Abandon: true, Clock: clock})
		_, err := p.Do(ctx, func(ctx context.Context) (int, error) {
			_ = policy.Sleep(context.WithoutCancel(ctx), clock, 50*ms)
			late = since()
			return 1, nil
		})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 10*ms, since())
		assert.NoError(t, policy.Sleep(ctx, clock, 100*ms))
	})
	assert.Equal(t, 50*ms, late)
}

func TestAPanicOfAnAbandonedFunctionEndsTheRun(t *testing.T) {
	_, err := sim.Run(t.Context(), sim.Scenario{
		Duration: seconds, Variants: []sim.Variant{variantOf("", parts["abandon"])},
		Clients: []sim.Client{{Burst: 1, Do: func(ctx context.Context) error {
			_ = policy.Sleep(context.WithoutCancel(ctx), sim.Clock(ctx), 500*ms)
			panic("too late for the policy to raise it again")
		}}},
	})
	assert.ErrorContains(t, err, "too late for the policy")
}

func TestAPolicyInRealTimeIsRefused(t *testing.T) {
	s := fit(sim.Variant{Name: "real", Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
		return pipeline.New[any](pipeline.New(attempt(ctx), policy.Timeout[any](seconds)))
	}})
	_, err := sim.Run(t.Context(), s)
	assert.EqualError(t, err, `sim: variant "real": web: the policy timeout(1s) has another clock, real time; make policies with Clock(ctx) of the context that Variant.Pipeline is given`)
}

func TestAPipelineMustNotWait(t *testing.T) {
	s := fit(sim.Variant{Name: "slow", Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
		_ = policy.Sleep(ctx, sim.Clock(ctx), seconds)
		return nil
	}})
	_, err := sim.Run(t.Context(), s)
	assert.EqualError(t, err, `sim: variant "slow": Variant.Pipeline waits; it must only make a pipeline`)

	s.Variants[0].Pipeline = func(context.Context, string, int) *pipeline.Pipeline[any] { panic("no pipeline") }
	_, err = sim.Run(t.Context(), s)
	assert.ErrorContains(t, err, "no pipeline")
	assert.ErrorAs(t, err, new(*sim.PanicError))
}

func TestALoopWithoutAWaitIsAnError(t *testing.T) {
	defer sim.LowerStillMost(10_000)()
	s := fit(sim.Variant{Name: "eager", Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
		return pipeline.New[any](retry.New[any](retry.Config{MaxAttempts: retry.Unlimited, Backoff: retry.Constant(0), Clock: sim.Clock(ctx)}))
	}})
	s.Faults = []sim.Fault{{At: 5 * seconds, For: seconds, Service: "api", Down: true}}
	_, err := sim.Run(t.Context(), s)
	require.ErrorContains(t, err, "time does not move: over 10000 steps at 5")
	assert.False(t, errors.Is(err, sim.ErrDown))
}

func TestALoopOfCoroutinesIsAnError(t *testing.T) {
	defer sim.LowerStillMost(10_000)()
	_, err := once(t, func(ctx context.Context) error {
		clock := sim.Clock(ctx)
		var again func()
		again = func() { policy.Go(clock, again) }
		again()
		return policy.Sleep(ctx, clock, seconds)
	})
	require.ErrorContains(t, err, "time does not move")
}
