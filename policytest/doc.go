// Package policytest tests that a policy keeps the promises that every policy makes to
// its callers. Use it if you write a policy of your own:
//
//	func TestLimit(t *testing.T) {
//		policytest.Run(t, func() policy.Policy[int] {
//			return NewLimit(10)
//		})
//	}
//
// Each promise is a subtest. It runs in a bubble of testing/synctest, where time is
// virtual: a day passes at once, and a goroutine that is left behind is found. The
// promises are:
//
//   - No lock is held while the function runs. A caller that waits for a lock cannot
//     leave when its context ends.
//   - If the context has ended, the function does not run. Execute returns at once,
//     with an error that matches both ctx.Err() and context.Cause(ctx).
//   - A success is returned unchanged, even if the context ends in the meantime. The
//     function does not run again after a success or a panic.
//   - An error matches the function's own, or matches [policy.ErrRejected], or is
//     replaced by a value, as a fallback does.
//   - Panics with any value, and runtime.Goexit, pass through.
//   - No permit is lost: a day after 64 panics, 64 calls of Goexit, 64 failures, and 64
//     callers that leave before, in or behind the function, a call is admitted.
//   - In every run, the function's context has the caller's values and a deadline no
//     later than the caller's. It ends when the caller's context ends, with its cause.
//   - A call returns as soon as its context is cancelled or its deadline has passed,
//     also while it waits for other calls. The function does not begin after that.
//   - Concurrent calls do not see each other's results.
//   - In later calls, a failing function runs as often as in the first call.
//   - No goroutine and no child of the caller's context is left behind.
//
// A policy may run the function several times at once. It may return before the
// function does, at a limit of its own. A call whose function did not run may return
// the result of another call, as policies do that share results.
//
// A check reports each fault once, however many calls meet it. Run the tests with
// -race, which finds what the checks cannot.
package policytest
