package chaos_test

import (
	"context"
	"testing"
	"time"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/policytest"
)

// modes lists the injectors whose calls run their function. Those that end a call with an
// error of their own break the promises on purpose.
func modes() map[string]func() policy.Policy[int] {
	on := chaos.Config{Rate: 1, Enabled: true}
	never := chaos.Config{Enabled: true}
	half := chaos.Config{Rate: 0.5, Enabled: true, Seed: 7}
	return map[string]func() policy.Policy[int]{
		"off":    func() policy.Policy[int] { return chaos.Fault[int](chaos.Config{Rate: 1}, failing) },
		"rate 0": func() policy.Policy[int] { return chaos.Fault[int](never, failing) },
		"never when": func() policy.Policy[int] {
			return chaos.Outcome(chaos.Config{Rate: 1, When: func(context.Context) bool { return false }}, answer(7))
		},
		"fault, nil":    func() policy.Policy[int] { return chaos.Fault[int](on, nothing) },
		"latency":       func() policy.Policy[int] { return chaos.Latency[int](on, lasting(700*time.Microsecond)) },
		"latency, half": func() policy.Policy[int] { return chaos.Latency[int](half, lasting(700*time.Microsecond)) },
		"latency, 0":    func() policy.Policy[int] { return chaos.Latency[int](on, lasting(0)) },
		"latency, clock": func() policy.Policy[int] {
			cfg := on
			cfg.Clock = fake.NewClock(fake.AutoAdvance())
			return chaos.Latency[int](cfg, lasting(time.Minute))
		},
		"detour":    func() policy.Policy[int] { return chaos.Detour[int](on, through) },
		"behavior":  func() policy.Policy[int] { return chaos.Behavior[int](on, nothing) },
		"mix, off":  func() policy.Policy[int] { return chaos.Mix(chaos.Fault[int](chaos.Config{Rate: 1}, failing)) },
		"mix, none": func() policy.Policy[int] { return chaos.Mix[int]() },
		"mix": func() policy.Policy[int] {
			return chaos.Mix(chaos.Fault[int](never, failing), chaos.Latency[int](half, lasting(time.Millisecond)), chaos.Behavior[int](half, nothing))
		},
	}
}

func TestChaosKeepsThePolicyContract(t *testing.T) {
	for name, build := range modes() {
		t.Run(name, func(t *testing.T) { policytest.Run(t, build) })
	}
}
