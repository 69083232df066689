package throttle_test

import (
	"testing"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/policytest"
	"github.com/ductile-go/ductile/throttle"
)

// A throttle that has seen many failures would reject the functions of policytest, which
// expects them to run. So the modes here reject none: by a number that is never below the
// rate, or by MinCalls.
func TestAThrottledKeepsThePolicyContract(t *testing.T) {
	undecided := func(error) policy.Outcome { return policy.Undecided }
	modes := map[string]func() policy.Policy[int]{
		"calm": func() policy.Policy[int] {
			return throttle.New[int](throttle.NewThrottle(throttle.Config{MinCalls: 1 << 20}))
		},
		"drawing": func() policy.Policy[int] {
			return throttle.New[int](filled(throttle.Config{MinCalls: 1, Rand: never}, 100, 0))
		},
		"drawing, with classes": func() policy.Policy[int] {
			th := filled(throttle.Config{MinCalls: 1, Rand: never}, 100, 0)
			fill(th, policy.Low, 1, 0)
			return throttle.New[int](th)
		},
		"classifying": func() policy.Policy[int] {
			th := throttle.NewThrottle(throttle.Config{MinCalls: 1, Rand: never, Classify: undecided})
			return throttle.New[int](th).WithClassifier(func(int, error) policy.Outcome { return policy.Undecided })
		},
		"on a fake clock": func() policy.Policy[int] {
			return throttle.New[int](filled(throttle.Config{Rand: never, Clock: fake.NewClock(fake.AutoAdvance())}, 100, 0))
		},
	}
	for name, build := range modes {
		t.Run(name, func(t *testing.T) { policytest.Run(t, build) })
	}
}
