// Package breaker stops calling what keeps failing, and finds out by a few
// probes when to call it again.
//
// A [Circuit] is the state of one dependency. It has no type parameter: calls
// of any result type share it. A [Breaker] is the policy that consults it.
//
//	var stripe = breaker.NewCircuit(breaker.Config{
//		Name:             "stripe",
//		FailureThreshold: 5,                // in a row
//		RecoveryTimeout:  60 * time.Second, // then let probes through
//		HalfOpenMaxCalls: 3,                // this many at a time
//	})
//
//	session, err := breaker.Do(ctx, stripe, createSession)
//	if errors.Is(err, breaker.ErrOpen) {
//		// createSession did not run
//	}
//
// The states and what moves a circuit between them:
//
//	Closed    a threshold reached                        -> Open
//	Open      RecoveryTimeout elapsed, seen by the next
//	          call or by State                           -> HalfOpen
//	HalfOpen  SuccessThreshold successes                 -> Closed
//	HalfOpen  any failure                                -> Open
//	any       Isolate                                    -> Isolated, until Reset
//
// A call reports to the state that admitted it and to no other: one that was
// admitted before the circuit opened can neither decide a probe nor feed the
// windows of a later closed state.
//
// A circuit starts no goroutine. In real time an open one has a timer, which
// spares the calls that it refuses the reading of a clock, and is stopped when
// the circuit is moved by hand. Admission takes no lock, and a success on a
// closed circuit that counts failures in a row writes no shared memory.
package breaker
