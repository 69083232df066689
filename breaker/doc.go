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
//	HalfOpen  any failure, or a slow success             -> Open
//	HalfOpen  ProbeCalls ended, if set: their share of
//	          failures                                   -> Open or Closed
//	HalfOpen  nothing but Ignored probes                 -> Open
//	any       Isolate                                    -> Isolated, until Reset
//
// [Config] says what opens a circuit and what a call means for it. [Judge] lets the
// function say that itself, [Breaker.WithClassifier] a rule for its results, and
// [Breaker.WithKeep] judges a call only when its value has been used up.
//
// [Circuit.Watch] and [Config].OnStateChange hear every move, [Circuit.Snapshot] shows
// the present, and [Circuit.Reconfigure] changes the rules of a circuit in use. With
// [Config].Shadow a circuit shows what it would do and refuses nothing.
//
// A call reports to the state that admitted it and to no other: one that was
// admitted before the circuit opened can neither decide a probe nor feed the
// windows of a later closed state.
//
// A circuit starts no goroutine. In real time an open one has a timer, which
// spares the calls that it refuses the reading of a clock. The timer is never stopped,
// and holds a flag, not the circuit: a circuit that is dropped is freed at once. Admission
// takes no lock, and a success on a closed circuit that counts failures in a row writes
// no shared memory.
//
// A circuit may be used in any bubble of testing/synctest and outside of it. Time in a
// bubble is another time: a circuit that is open where it comes from is past its
// recovery elsewhere.
package breaker
