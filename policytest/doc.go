// Package policytest checks that a policy keeps what every policy owes its
// callers. It is for authors of policies:
//
//	func TestLimit(t *testing.T) {
//		policytest.Run(t, func() policy.Policy[int] { return NewLimit(10) })
//	}
//
// Each promise is a subtest, named after it, that runs in a testing/synctest
// bubble: time is virtual, a day costs nothing, and a goroutine that is left
// behind is found. What is checked:
//
//   - no lock is held while the function runs: who waits for one cannot leave;
//   - a context that has ended runs nothing, and the error matches both its Err
//     and its Cause, at once;
//   - a success comes back as it is, even if the caller left or his deadline passed
//     meanwhile, and the function does not begin again after it, nor after a panic;
//   - an error comes back matching the function's own, or is answered for, or
//     matches [policy.ErrRejected];
//   - panics, whatever their value, and runtime.Goexit pass through;
//   - 64 panics, 64 calls of Goexit, 64 failures and 64 callers who leave, before
//     the call, in it or while others hold places, take no place away: a day later
//     a call is admitted;
//   - the function's context has, in every run, the caller's values and a deadline
//     no later than the caller's, and ends with the caller's context, cause
//     included;
//   - a caller who leaves, or whose deadline passes, is let go at once, even if he
//     waits for others, and nothing begins for him any more;
//   - calls at the same time do not see each other's results;
//   - a failing function runs as often in later calls as in the first one of a new
//     policy: of 16 of each, not all are more, nor all fewer;
//   - no goroutine and no child of the caller's context is left behind.
//
// A policy may begin the function several times at once. It may leave its function
// at a limit of its own, and then owes nothing of that one's result. It may give a
// call whose function did not run what another call came to, value or error, as
// one that shares results does.
//
// Each fault is reported once in a check, however many calls meet it. Run the tests
// with -race; that finds what the checks cannot.
package policytest
