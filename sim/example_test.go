package sim_test

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

func retrying(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
	return pipeline.New[any](
		retry.New[any](retry.Config{Clock: sim.Clock(ctx), Rand: sim.Rand(ctx)}),
		policy.NewTimeout[any](policy.TimeoutConfig{After: 200 * time.Millisecond, Clock: sim.Clock(ctx)}),
	)
}

func breaking(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
	circuit := breaker.NewCircuit(breaker.Config{
		Window: 2 * time.Second, FailureRate: 0.5, MinCalls: 10, RecoveryTimeout: 2 * time.Second,
		Clock: sim.Clock(ctx), Rand: sim.Rand(ctx),
	})
	return pipeline.New[any](
		retry.New[any](retry.Config{Clock: sim.Clock(ctx), Rand: sim.Rand(ctx)}),
		breaker.New[any](circuit),
		policy.NewTimeout[any](policy.TimeoutConfig{After: 200 * time.Millisecond, Clock: sim.Clock(ctx)}),
	)
}

func ExampleRun() {
	ctx := context.Background()
	report, err := sim.Run(ctx, sim.Scenario{
		Duration: 60 * time.Second,
		Services: []sim.Service{{Name: "api", Workers: 2, Queue: 2000, ServiceTime: sim.Exponential(10 * time.Millisecond)}},
		Clients:  []sim.Client{{Name: "web", Replicas: 4, Rate: 140, Calls: "api"}},
		Faults:   []sim.Fault{{At: 20 * time.Second, For: 5 * time.Second, Service: "api", Slow: 10}},
		Variants: []sim.Variant{{Name: "retry", Pipeline: retrying}, {Name: "breaker", Pipeline: breaking}},
	})
	fmt.Println(err, report.Verdict())
	for _, x := range report.Results {
		last := x.Between(50*time.Second, 59*time.Second)
		fmt.Printf("%s: %.0f %% succeed at the end, at %.1f times the load\n", x.Variant, 100*last.Success(), last.Amplification())
	}
	// Output:
	// <nil> not all variants recover: retry does not, breaker does, 2.5 s after the fault
	// retry: 0 % succeed at the end, at 3.0 times the load
	// breaker: 100 % succeed at the end, at 1.0 times the load
}

func ExampleReport_Check() {
	report, err := sim.Run(context.Background(), sim.Scenario{
		Duration: 20 * time.Second,
		Services: []sim.Service{{Name: "api", ServiceTime: sim.Constant(10 * time.Millisecond)}},
		Clients:  []sim.Client{{Rate: 100, Calls: "api"}},
		Faults:   []sim.Fault{{At: 5 * time.Second, For: 5 * time.Second, Service: "api", Down: true}},
		Variants: []sim.Variant{{Name: "retry", Pipeline: retrying}},
		Expect:   []sim.Expect{{RecoversWithin: time.Second}, {When: "during", Amplification: "<= 1.2"}},
	})
	if err != nil {
		panic(err)
	}
	for _, check := range report.Checks {
		fmt.Printf("%s: %v\n", check.Expected, check.OK)
	}
	fmt.Println(report.Check() != nil)
	// Output:
	// recovery within 1 s: true
	// amplification <= 1.2, during: false
	// true
}

// A function that waits through the clock can be a service.
func ExampleClock() {
	report, err := sim.Run(context.Background(), sim.Scenario{
		Duration: 10 * time.Second,
		Services: []sim.Service{{Name: "lock", Workers: 1, Queue: 100, Handler: func(ctx context.Context) error {
			return policy.Sleep(ctx, sim.Clock(ctx), 100*time.Millisecond)
		}}},
		Clients: []sim.Client{{Burst: 3, Do: func(ctx context.Context) error {
			start := sim.Clock(ctx).Now()
			err := sim.Call(ctx, "lock")
			fmt.Println(sim.Clock(ctx).Now().Sub(start), err)
			return err
		}}},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(report.Results[0].Before.Succeeded)
	// Output:
	// 100ms <nil>
	// 200ms <nil>
	// 300ms <nil>
	// 3
}

func ExampleFromTable() {
	measured := sim.FromTable(
		sim.Quantile{Share: 0, Time: 2 * time.Millisecond},
		sim.Quantile{Share: 0.5, Time: 10 * time.Millisecond},
		sim.Quantile{Share: 0.99, Time: 80 * time.Millisecond},
		sim.Quantile{Share: 1, Time: 300 * time.Millisecond},
	)
	fmt.Println(measured, measured.Mean().Round(time.Millisecond))
	// Output: table(4 quantiles) 27ms
}
