package policytest

import (
	"testing"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Run checks the policies that build returns. It calls build once for each check, and
// more often for some. Each check is a subtest of t, and a fault is an error of that
// subtest. Run panics if build is nil. If build returns nil, or a policy that holds a
// lock while the function runs, Run reports that and makes no further checks.
//
// The policy must
//
//   - admit a call when it is new, admit one again a day after anything that has
//     happened, and be as good as new after that day and 16 successes;
//   - run the function of a call within 10 ms if no other call is in its way: build a
//     policy that delays calls with shorter delays;
//   - use real time, which is virtual in a bubble, or a clock of package fake made
//     with AutoAdvance;
//   - give up on a function that always fails after a millisecond. Keep that to a few
//     hundred runs, or the checks take minutes;
//   - admit at most 64 calls at a time, if it limits them at all.
//
// build runs inside the bubble and must create there whatever the policy needs:
// clocks, channels, shared state. If it shares a channel that was made elsewhere, virtual
// time stands still while a goroutine waits for it. Run then gives up after 30 s of real
// time and prints the stacks of all goroutines.
//
// Run is not for policies that leave a child of the caller's context open on purpose,
// as TimeoutPolicy.WithKeep does; nor for policies that decide by the results of one
// call how often to run the function of another; nor for caches that answer for days.
func Run(t *testing.T, build func() policy.Policy[int]) {
	t.Helper()
	if build == nil {
		panic("policytest: Run: build is nil, want a function that returns a policy")
	}
	for _, c := range checks {
		hopeless := false
		t.Run(c.name, func(t *testing.T) {
			t.Helper()
			hopeless = c.in(t, t, build)
		})
		if hopeless {
			return
		}
	}
}

// reporter is the part of testing.T that a check uses. The tests of this package pass a
// reporter of their own, so that a check can fail without failing them.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// check is one promise.
type check struct {
	name string
	run  func(p *probe)
}

var checks = []check{
	{"a policy is built", policyIsBuilt},
	{"no lock is held while the function runs", noLockIsHeld},
	{"an ended context runs nothing", endedContextRunsNothing},
	{"a success is returned and ends the call", successComesBack},
	{"a success survives a cancel", successSurvivesACancel},
	{"a success survives a deadline", successSurvivesADeadline},
	{"an error matches the one of the function", errorIsMatched},
	{"panics pass through and keep no place", panicsPassThrough},
	{"Goexit passes through and keeps no place", goexitPassesThrough},
	{"failures keep no place", failuresTakeNothing},
	{"callers that leave keep no place", leaversTakeNothing},
	{"values reach every run", valuesReachEveryRun},
	{"the deadline reaches every run", deadlineReachesEveryRun},
	{"a cancel reaches every run", cancelReachesEveryRun},
	{"a cancelled call returns at once", leaverIsLetGo},
	{"a call returns at its deadline", deadlineLetsGo},
	{"concurrent calls do not mix", callsAreApart},
	{"later calls run as often as the first", laterCallsAreAlike},
	{"nothing is left behind", nothingIsLeft},
}

// in runs the check in a bubble of t's and reports whether further checks are
// hopeless: there is no policy, or one that hangs. The bubble panics if a goroutine is
// left when the check has returned.
func (c check) in(t *testing.T, r reporter, build func() policy.Policy[int]) (hopeless bool) {
	t.Helper()
	return c.watched(t, newWatch(), r, build)
}

func (c check) watched(t *testing.T, w *watch, r reporter, build func() policy.Policy[int]) (hopeless bool) {
	t.Helper()
	var p *probe
	left, stopped := bubble(t, w, func() {
		p = &probe{reporter: r, build: build, policy: build(), steps: &w.steps}
		c.run(p)
	})
	if stopped != "" {
		// Do not read p: the bubble still runs.
		r.Errorf("policytest: no call and no function has begun or ended for %v of real time: a goroutine waits for a lock that is held while the function runs, "+
			"or for something that was made outside of build, or it loops; find it in the stacks of all goroutines:\n\n%s", w.every*time.Duration(w.looks), stopped)
		return true
	}
	if left != nil && !p.stuck.Load() {
		r.Errorf("policytest: the calls have returned and a goroutine is left behind: %v", left)
	}
	return p.policy == nil || p.locked
}

// day is long enough for any circuit, budget or limit to recover.
const day = 24 * time.Hour
