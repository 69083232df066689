package snippets_test

import (
	"context"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/sim"
)

// docs/simulator.md.
func production(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
	clock, random := sim.Clock(ctx), sim.Rand(ctx)
	circuit := breaker.NewCircuit(breaker.Config{
		Window: 2 * time.Second, FailureRate: 0.5, MinCalls: 10, RecoveryTimeout: 2 * time.Second,
		Clock: clock, Rand: random,
	})
	return pipeline.New[any](
		retry.New[any](retry.Config{MaxAttempts: 3, Clock: clock, Rand: random}),
		breaker.New[any](circuit),
		policy.NewTimeout[any](policy.TimeoutConfig{After: 200 * time.Millisecond, Clock: clock}),
	)
}

// The opening of docs/simulator.md.
func Example_simulator() {
	ctx := context.Background()
	report, err := sim.Run(ctx, sim.Scenario{
		Duration: 90 * time.Second,
		Services: []sim.Service{{Name: "api", Workers: 10, Queue: 10_000, ServiceTime: sim.Exponential(10 * time.Millisecond)}},
		Clients:  []sim.Client{{Name: "web", Replicas: 20, Rate: 700, Calls: "api"}},
		Faults:   []sim.Fault{{At: 20 * time.Second, For: 5 * time.Second, Service: "api", Slow: 10}},
		Variants: []sim.Variant{{Name: "production", Pipeline: production}},
		Expect:   []sim.Expect{{RecoversWithin: 5 * time.Second}, {Amplification: "<= 1.2"}},
	})
	fmt.Println(err, report.Check())
	// Output: <nil> <nil>
}
