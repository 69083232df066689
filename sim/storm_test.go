package sim_test

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/sim"
)

const seconds = time.Second

// slower is by how much tests are made smaller under the race detector.
var slower = raced.Or(20, 1)

// storm is the scenario of the first result: 70 % utilization, and for five seconds a
// tenth of the capacity. Under the race detector it is a fifth of that.
func storm(variants ...sim.Variant) sim.Scenario {
	small := min(slower, 5)
	return sim.Scenario{
		Seed: 1, Duration: 90 * seconds, Warmup: 5 * seconds,
		Clients:  []sim.Client{{Name: "web", Replicas: 20 / small, Rate: 700 / float64(small), Calls: "api"}},
		Services: []sim.Service{{Name: "api", Workers: 10 / small, Queue: 10_000 / small, ServiceTime: sim.Exponential(10 * time.Millisecond)}},
		Faults:   []sim.Fault{{At: 20 * seconds, For: 5 * seconds, Service: "api", Slow: 10}},
		Variants: variants,
	}
}

func attempt(ctx context.Context) policy.Policy[any] {
	return policy.NewTimeout[any](policy.TimeoutConfig{After: 200 * time.Millisecond, Clock: sim.Clock(ctx)})
}

func retries(ctx context.Context, budget *retry.Budget) policy.Policy[any] {
	return retry.New[any](retry.Config{
		MaxAttempts: 3, BaseDelay: 50 * time.Millisecond, MaxDelay: seconds, JitterFactor: 0.5,
		Budget: budget, Clock: sim.Clock(ctx), Rand: sim.Rand(ctx),
	})
}

var timeoutAlone = sim.Variant{Name: "timeout", Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
	return pipeline.New(attempt(ctx))
}}

var retry3 = sim.Variant{Name: "retry", Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
	return pipeline.New(retries(ctx, nil), attempt(ctx))
}}

var budgeted = sim.Variant{Name: "budget", Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
	return pipeline.New(retries(ctx, retry.NewBudget(retry.BudgetConfig{Ratio: 0.1, MinPerSecond: 0.1, Clock: sim.Clock(ctx)})), attempt(ctx))
}}

var broken = sim.Variant{Name: "breaker", Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
	c := breaker.NewCircuit(breaker.Config{
		Window: 2 * seconds, FailureRate: 0.5, MinCalls: 10, RecoveryTimeout: 2 * seconds, RecoveryJitter: 0.5,
		Clock: sim.Clock(ctx), Rand: sim.Rand(ctx),
	})
	return pipeline.New(retries(ctx, nil), breaker.New[any](c), attempt(ctx))
}}
