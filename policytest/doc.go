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
//   - a context that has ended runs nothing, and the error matches both its Err
//     and its Cause;
//   - a success comes back as it is, from one run, even if the caller's context
//     ended meanwhile, unless the policy had left its function by then;
//   - an error comes back matching the function's own, or is answered for, or
//     matches [policy.ErrRejected]; a refused function's error matches that;
//   - panics and runtime.Goexit pass through, and 64 of them take no place away;
//   - the function's context has the caller's values and a deadline no later
//     than the caller's, and ends with the caller's context, cause included;
//   - a caller who leaves is let go at once, and nothing runs for him any more;
//   - calls at the same time do not see each other's results, and a call later
//     goes as it did before;
//   - no goroutine and no child of the caller's context is left behind.
//
// Run the tests with -race; that finds what the checks cannot.
package policytest
