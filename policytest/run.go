package policytest

import (
	"testing"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Run checks the policies that build returns, a new one for each check and more
// for some. A failing check fails a subtest of t and says what was promised. Run
// panics when build is nil; where it returns nil, or a policy whose calls wait for
// a lock for ever, nothing more is checked.
//
// The policy should
//
//   - admit a call when it is new, and, whatever happened, again a day later, and
//     be as it was after that and 16 successes;
//   - keep time in real time (the bubble makes that virtual) or on an AutoAdvance
//     clock of package fake;
//   - end by itself where a function that takes a millisecond fails again and
//     again, after some hundred runs at most if the checks are not to take minutes;
//   - have no more than 64 places.
//
// build is called inside the bubble, and makes everything that the policy needs
// anew: its clock, its channels, the state that it shares with others. What is made
// elsewhere a bubble cannot see waiting.
//
// Not for this package are policies that keep a result's context open on purpose,
// as TimeoutPolicy.WithKeep does: that is a child of the caller's context left behind.
// Nor are those that learn from one call how often to run another's function, or
// answer for days out of what they remember.
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

// reporter is the part of testing.T that a check speaks through, so that this
// package's tests can see a check fail.
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
	{"a success comes back and is the end", successComesBack},
	{"a success survives a cancel", successSurvivesACancel},
	{"a success survives a deadline", successSurvivesADeadline},
	{"an error is still matched", errorIsMatched},
	{"panics pass through and take nothing", panicsPassThrough},
	{"Goexit passes through and takes nothing", goexitPassesThrough},
	{"failures take nothing", failuresTakeNothing},
	{"callers who leave take nothing", leaversTakeNothing},
	{"values reach every run", valuesReachEveryRun},
	{"the deadline reaches every run", deadlineReachesEveryRun},
	{"a cancel reaches every run", cancelReachesEveryRun},
	{"a caller who leaves is let go", leaverIsLetGo},
	{"a caller's deadline lets him go", deadlineLetsGo},
	{"calls at the same time are apart", callsAreApart},
	{"a later call goes as the first did", laterCallsAreAlike},
	{"nothing is left behind", nothingIsLeft},
}

// in runs the check in a bubble of t's. The bubble panics where a goroutine is
// left when the check has returned. It reports whether it is hopeless to check any
// more: there is no policy, or one that hangs.
func (c check) in(t *testing.T, r reporter, build func() policy.Policy[int]) (hopeless bool) {
	t.Helper()
	var p *probe
	left, locked := bubble(t, func() {
		p = &probe{reporter: r, build: build, policy: build()}
		c.run(p)
	})
	switch {
	case locked != "":
		r.Errorf("policytest: a call waits for a lock that it never gets, want none held while the function runs: a caller who waits for a lock cannot leave; is it held around next.Do?\n\n%s", locked)
		return true
	case left != nil && !p.stuck.Load():
		r.Errorf("policytest: the calls have returned and a goroutine is left behind: %v", left)
	}
	return p.policy == nil
}

// day is long enough for any circuit, budget or limit to have recovered.
const day = 24 * time.Hour
