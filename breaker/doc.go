// Package breaker stops calls to a dependency that keeps failing, and lets a few probes
// through later to find out whether it has recovered.
//
// Use it for remote calls that fail together: while the dependency is down, callers get
// an error at once instead of a timeout each, and the dependency gets time to recover. A
// call that fails now and then needs package retry instead; both compose.
//
//	var stripe = breaker.NewCircuit(breaker.Config{
//		Name:             "stripe",
//		FailureThreshold: 5,                // failures in a row that open the circuit
//		RecoveryTimeout:  60 * time.Second, // how long it stays open
//		HalfOpenMaxCalls: 3,                // probes in flight after that
//	})
//
//	session, err := breaker.Do(ctx, stripe, createSession)
//	if errors.Is(err, breaker.ErrOpen) {
//		// createSession did not run
//	}
//
// A [Circuit] is the state of one dependency. Calls of any result type share it. A
// [Breaker] is the policy that consults a circuit in a pipeline.
//
//	Closed    --a threshold is reached--------------------> Open
//	Open      --RecoveryTimeout has elapsed---------------> HalfOpen
//	HalfOpen  --SuccessThreshold probes succeed-----------> Closed
//	HalfOpen  --a probe fails or is slow------------------> Open
//	HalfOpen  --all probes are Ignored--------------------> Open
//	any state --Isolate--> Isolated --Reset---------------> Closed
//
// An open circuit becomes half-open when the next call, or [Circuit.State], finds that its
// time has elapsed. With [Config].ProbeCalls, half-open is judged by a share of failures.
// A call counts only for the state that admitted it: one admitted before the circuit
// opened neither decides a probe nor counts in a later window.
//
// [Config] says what opens a circuit and which calls count. [Judge] marks a single error,
// [Breaker.WithClassifier] judges results, and [Breaker.WithKeep] judges a call when its
// value has been used. [Circuit.Watch] reports moves and [Circuit.Reconfigure] changes the
// rules of a circuit in use.
//
// A circuit starts no goroutine, and admission takes no lock. It may be used inside and
// outside of testing/synctest bubbles. Their times differ, so a circuit that is open outside
// may be past its recovery inside, and the other way round.
package breaker
