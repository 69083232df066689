// Package chaos injects faults into a share of the calls, to show that a service survives
// them. It is a policy for rehearsals, in tests and in production:
//
//	outage := chaos.Fault[Receipt](chaos.Config{Name: "stripe", Rate: 0.2, Seed: 42},
//		func(context.Context) error { return errors.New("connection refused") })
//
//	p := pipeline.New(
//		retry.New[Receipt](retry.Config{}),
//		breaker.New[Receipt](circuit),
//		outage, // innermost, so that every policy sees its errors as the dependency's
//	)
//	outage.On() // from now on every fifth attempt fails
//	receipt, err := p.Do(ctx, charge)
//	outage.Off()
//
// There are five kinds of injection:
//
//   - [Fault] ends the call with an error. The function does not run.
//   - [Outcome] ends the call with a value or an error. The function does not run.
//   - [Latency] waits before the function runs.
//   - [Behavior] calls another function before the function runs: one that cancels the
//     context of a client, restarts a container or panics.
//   - [Detour] calls another function in place of the call's, which it gets as an argument: one
//     that charges the card and loses the answer.
//
// Each makes an [Injector], which is off until [Injector.On], unless [Config].Enabled is
// set. While it is off, it costs one atomic load per call. To choose the calls by their
// context instead, set [Config].When. [Mix] makes one policy of several injectors, so that
// at most one of them acts in a call and rates add up.
//
// Injected errors match [ErrInjected] and the author's own error, and never
// [policy.ErrRejected]: circuits count them and retries repeat them, like errors of the
// dependency.
//
// Every choice is one draw from a seeded sequence. The same [Config].Seed chooses the same
// calls: the first, the third, the eighth made while the injector was on. Under concurrent
// calls the numbers of the chosen calls are the same, too, though which goroutine makes
// which call is up to the scheduler. [Injector.Snapshot] counts calls and injections, so
// that a rehearsal can report both.
package chaos
