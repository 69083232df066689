package policytest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/policytest"
	"github.com/ductile-go/ductile/retry"
)

func again(cfg retry.Config) func() policy.Policy[int] {
	return func() policy.Policy[int] { return retry.New[int](cfg) }
}

func guarded(cfg breaker.Config) func() policy.Policy[int] {
	return func() policy.Policy[int] { return breaker.New[int](breaker.NewCircuit(cfg)) }
}

func limited(cfg policy.TimeoutConfig) func() policy.Policy[int] {
	return func() policy.Policy[int] { return policy.NewTimeout[int](cfg) }
}

func standard() policy.Policy[int] {
	return pipeline.Standard[int](pipeline.StandardConfig{Circuit: breaker.NewCircuit(breaker.Config{})})
}

// kept are the policies of this module, in their different modes.
var kept = map[string]func() policy.Policy[int]{
	"retry":             again(retry.Config{}),
	"retry once":        again(retry.Config{MaxAttempts: 1}),
	"retry for a while": again(retry.Config{MaxAttempts: retry.Unlimited, MaxElapsed: 10 * time.Second}),
	"retry for a while with full jitter": again(retry.Config{
		MaxAttempts: retry.Unlimited, MaxElapsed: 10 * time.Second, Backoff: retry.FullJitter(100*time.Millisecond, time.Second),
	}),
	"retry for a while with much jitter": again(retry.Config{MaxAttempts: retry.Unlimited, MaxElapsed: 10 * time.Second, JitterFactor: 1}),
	"retry to the limit, or not":         again(retry.Config{MaxAttempts: 10, MaxElapsed: 7500 * time.Millisecond}),
	"retry virtually":                    func() policy.Policy[int] { return again(retry.Config{Clock: fake.NewClock(fake.AutoAdvance())})() },
	"retry decorrelated": again(retry.Config{
		MaxAttempts: 5, Backoff: retry.Decorrelated(time.Millisecond, time.Second),
	}),
	"retry in a budget": func() policy.Policy[int] {
		return retry.New[int](retry.Config{Budget: retry.NewBudget(retry.BudgetConfig{})})
	},
	"retry some values": func() policy.Policy[int] {
		return retry.New[int](retry.Config{}).WithCondition(func(v int, err error) bool { return err != nil || v < 0 }).WithDiscard(func(int) {})
	},
	"breaker in a row":        guarded(breaker.Config{}),
	"breaker at once":         guarded(breaker.Config{FailureThreshold: 1, MaxRecoveryTimeout: time.Hour, RecoveryJitter: 1}),
	"breaker by time":         guarded(breaker.Config{FailureRate: 0.5, Window: time.Minute, MinCalls: 3}),
	"breaker by calls":        guarded(breaker.Config{FailureRate: 0.5, WindowCalls: 10}),
	"breaker by rate of many": guarded(breaker.Config{FailureRate: 0.1, Window: time.Hour, SuccessThreshold: 3, HalfOpenMaxCalls: 1}),
	"breaker by the last calls": guarded(breaker.Config{
		FailureRate: 0.3, WindowCalls: 100, MinCalls: 5, SlowCall: time.Millisecond, SlowRate: 0.5, MaxRecoveryTimeout: time.Hour,
	}),
	"breaker by slowness": guarded(breaker.Config{SlowCall: time.Millisecond, SlowRate: 1, Window: time.Minute}),
	"timeout":             limited(policy.TimeoutConfig{After: time.Second}),
	"timeout virtually": func() policy.Policy[int] {
		return limited(policy.TimeoutConfig{After: time.Second, Clock: fake.NewClock(fake.AutoAdvance())})()
	},
	"timeout abandoning":      limited(policy.TimeoutConfig{After: time.Second, Abandon: true}),
	"timeout abandoning soon": limited(policy.TimeoutConfig{After: 500 * time.Microsecond, Abandon: true}),
	"timeout soon":            limited(policy.TimeoutConfig{After: 500 * time.Microsecond}),
	"fallback":                func() policy.Policy[int] { return policy.FallbackValue(7) },
	"pipeline":                standard,
	"pipeline of the standard kind": func() policy.Policy[int] {
		return pipeline.Standard[int](pipeline.StandardConfig{
			Retry:   retry.Config{MaxAttempts: 5, Budget: retry.NewBudget(retry.BudgetConfig{})},
			Circuit: breaker.NewCircuit(breaker.Config{FailureRate: 0.5, WindowCalls: 20, MinCalls: 4, SuccessThreshold: 5}),
		})
	},
	"pipeline that answers for its circuit": func() policy.Policy[int] {
		return pipeline.New[int](policy.FallbackValue(7), again(retry.Config{})(), guarded(breaker.Config{FailureThreshold: 2, SuccessThreshold: 3})())
	},
	"pipeline of retries": func() policy.Policy[int] {
		return pipeline.New[int](again(retry.Config{MaxAttempts: 2})(), pipeline.New[int](
			again(retry.Config{MaxAttempts: retry.Unlimited, MaxElapsed: 5 * time.Second, Backoff: retry.FullJitter(time.Millisecond, time.Second)})(),
			limited(policy.TimeoutConfig{After: 10 * time.Millisecond, Abandon: true})(),
		))
	},
	"no policy": func() policy.Policy[int] { return pipeline.New[int]() },
	"retry that keeps errors and waits for rejections": again(retry.Config{MaxAttempts: 4, KeepErrors: 3, RetryRejected: true, BaseDelay: retry.NoDelay}),
	"breaker judged by several probes": guarded(breaker.Config{
		FailureThreshold: 2, ProbeCalls: 4, ProbeFailureRate: 0.5, HalfOpenMaxCalls: 2, RecoveryTimeout: breaker.NoWait,
	}),
	"breaker in shadow": guarded(breaker.Config{FailureThreshold: 1, Shadow: true}),
	"breaker with a recovery for each failure": guarded(breaker.Config{
		FailureThreshold: 1, RecoveryFor: func(o breaker.Opening) time.Duration { return o.Default / 2 },
	}),
	"breaker that keeps": func() policy.Policy[int] {
		return breaker.New[int](breaker.NewCircuit(breaker.Config{})).
			WithKeep(func(_ context.Context, v int, record func(policy.Outcome)) int { record(policy.Success); return v })
	},
	"check": func() policy.Policy[int] { return policy.Check(func(_ int, err error) error { return err }) },
	"select": func() policy.Policy[int] {
		p := standard()
		return policy.Select(func(context.Context) policy.Policy[int] { return p })
	},
	"select none": func() policy.Policy[int] {
		return policy.Select(func(context.Context) policy.Policy[int] { return nil })
	},
	"keyed": func() policy.Policy[int] {
		circuits := keyed.New(keyed.Config[string, *breaker.Circuit]{Make: func(k string) *breaker.Circuit {
			return breaker.NewCircuit(breaker.Config{Name: k})
		}})
		return keyed.Policy(circuits, func(context.Context) (string, bool) { return "eu", true },
			func(c *breaker.Circuit) policy.Policy[int] { return breaker.New[int](c) })
	},
	"observed": func() policy.Policy[int] {
		return pipeline.New(standard()).WithName("observed").WithObserver(fake.NewRecorder().Observe)
	},
	"nested": func() policy.Policy[int] {
		return pipeline.New[int](policy.FallbackValue(7), standard(), pipeline.New(guarded(breaker.Config{})(), limited(policy.TimeoutConfig{
			After: time.Second, Abandon: true,
		})()))
	},
}

func TestThePoliciesOfThisModulePass(t *testing.T) {
	for name, build := range kept {
		t.Run(name, func(t *testing.T) { policytest.Run(t, build) })
	}
}

func TestLegitimatePoliciesPass(t *testing.T) {
	for name, build := range legitimate {
		t.Run(name, func(t *testing.T) { policytest.Run(t, build) })
	}
}

// A panic on a goroutine of the policy's own ends the test binary: its text is all that the
// author gets.
func TestTheTextOfAPanicSaysWhatAPolicyOwes(t *testing.T) {
	var first sync.Map
	policytest.Run(t, func() policy.Policy[int] {
		return own(func(ctx context.Context, next policy.Call[int]) (int, error) {
			defer func() {
				if v := recover(); v != nil {
					first.LoadOrStore("text", fmt.Sprint(v))
					panic(v)
				}
			}()
			return next.Do(ctx)
		})
	})
	text, _ := first.Load("text")
	assert.Contains(t, text, "raise it in the caller")
}

func TestRunPanicsIfBuildIsNil(t *testing.T) {
	assert.PanicsWithValue(t, "policytest: Run: build is nil, want a function that returns a policy", func() { policytest.Run(t, nil) })
}
