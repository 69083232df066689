// Package sim rehearses outages in virtual time. Clients, services and faults are simulated;
// the policies between them are the ones that run in production.
//
//	report, err := sim.Run(ctx, sim.Scenario{
//		Duration: 60 * time.Second,
//		Services: []sim.Service{{Name: "api", Workers: 2, Queue: 2000, ServiceTime: sim.Exponential(10 * time.Millisecond)}},
//		Clients:  []sim.Client{{Name: "web", Replicas: 4, Rate: 140, Calls: "api"}},
//		Faults:   []sim.Fault{{At: 20 * time.Second, For: 5 * time.Second, Service: "api", Slow: 10}},
//		Variants: []sim.Variant{{Name: "retry", Pipeline: retrying}, {Name: "breaker", Pipeline: breaking}},
//	})
//	fmt.Println(err, report.Verdict())
//
// Here retrying makes the pipeline of one replica, on the clock of the simulation:
//
//	func retrying(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
//		return pipeline.New[any](
//			retry.New[any](retry.Config{Clock: sim.Clock(ctx), Rand: sim.Rand(ctx)}),
//			policy.NewTimeout[any](policy.TimeoutConfig{After: 200 * time.Millisecond, Clock: sim.Clock(ctx)}),
//		)
//	}
//
// A minute and a half of 700 calls a second takes about a second. A run depends on its Scenario
// alone: the same Seed gives the same [Report], to the byte.
//
// As a test, a Scenario has expectations, and [Report.Check] is the assertion:
//
//	Expect: []sim.Expect{{Variant: "breaker", RecoversWithin: 5 * time.Second}, {Amplification: "<= 1.2"}}
//
// # What is simulated
//
// A call is a coroutine that runs the real pipeline. When it waits through the clock, as
// queues and hedges do too, another coroutine runs. When all of them wait, time moves to the
// next event. One coroutine of a variant runs at a time, so nothing needs locks. Variants run
// side by side.
//
// Any Go code can be a client ([Client].Do) or a service ([Service].Handler), as long as it
// waits by [policy.Sleep], [policy.NewWaiter], [policy.AfterFunc] and [policy.Go] with
// [Clock](ctx), and calls services by [Call]. Code that waits for a channel or sleeps in real
// time stops the simulation; Run notices, and returns an error with the stack. The same is
// true of a policy that was made without the clock.
//
// The model, its assumptions and what it was validated against are in docs/simulator.md in
// the repository.
package sim
