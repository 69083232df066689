package pipeline_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// every returns each policy alone, and all of them together, on clk.
func every(clk policy.Clock) map[string]policy.Policy[int] {
	circuit := func() *breaker.Circuit {
		return breaker.NewCircuit(breaker.Config{FailureRate: 0.5, Window: time.Minute, Clock: clk})
	}
	cooperative := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Clock: clk})
	abandoning := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true, Clock: clk})
	again := retry.New[int](retry.Config{Clock: clk})
	budgeted := retry.New[int](retry.Config{Clock: clk, Budget: retry.NewBudget(retry.BudgetConfig{Clock: clk})})
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 1, Clock: clk})
	limited := func() *ratelimit.Limiter {
		return ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, MaxWait: -1, Clock: clk})
	}
	throttled := func() *throttle.Throttle { // of its own, or the failures of one policy would throttle another
		return throttle.NewThrottle(throttle.Config{MinCalls: 1, Clock: clk, Rand: func() float64 { return 0.6 }})
	}
	hedged := hedge.Config{Delay: time.Millisecond, OnFailure: true, Budget: hedge.NoBudget, Clock: clk}
	key := func(context.Context) (string, bool) { return "key", true }
	coalesced := coalesce.New[string, int](key).WithClock(clk)
	// Each call finds a stale value and starts a refresh, or the value has gone.
	cached := func() *cache.Cache[string, int] {
		return cache.New(cache.Config[string, int]{Key: key, TTL: 1, Stale: time.Hour, RefreshTimeout: time.Second, Jitter: cache.NoJitter, Clock: clk})
	}
	adapting := func() *adaptive.Limiter {
		return adaptive.NewLimiter(adaptive.Config{Initial: 2, MinCalls: 1, MaxQueue: 1, MaxWait: time.Second, Clock: clk})
	}
	slow := func() *chaos.Injector[int] {
		return chaos.Latency[int](chaos.Config{Rate: 1, Enabled: true, Clock: clk}, func(context.Context) time.Duration { return time.Millisecond })
	}
	everything := []policy.Policy[int]{
		policy.FallbackValue(7), cached(), coalesced, cooperative, budgeted, hedge.New[int](hedged), breaker.New[int](circuit()),
		throttle.New[int](throttled()), ratelimit.New[int](limited()), abandoning, bulkhead.New[int](gate), adaptive.New[int](adapting()), slow(),
	}
	return map[string]policy.Policy[int]{
		"bulkhead":  bulkhead.New[int](gate),
		"ratelimit": ratelimit.New[int](limited()),
		"throttle":  throttle.New[int](throttled()),
		"hedge":     hedge.New[int](hedged),
		"coalesce":  coalesced,
		"cache":     cached(),
		"adaptive":  adaptive.New[int](adapting()),
		"chaos":     slow(),
		"mixture":   chaos.Mix(slow()),
		"whole":     pipeline.New(everything...),
		"loaded": pipeline.Standard[int](pipeline.StandardConfig{
			Circuit: circuit(), Retry: retry.Config{Clock: clk}, Hedge: &hedged, Limiter: limited(), Gate: gate, Clock: clk,
			Throttle: throttled(),
		}),
		"live":     declared(clk),
		"fallback": policy.FallbackValue(7),
		"timeout":  cooperative,
		"abandon":  abandoning,
		"retry":    again,
		"budget":   budgeted,
		"breaker":  breaker.New[int](circuit()),
		"all":      pipeline.New[int](policy.FallbackValue(7), budgeted, breaker.New[int](circuit()), cooperative, abandoning),
		"standard": pipeline.Standard[int](pipeline.StandardConfig{Circuit: circuit(), Retry: retry.Config{Clock: clk}, Clock: clk}),
	}
}

// declared returns a pipeline of a registry.
func declared(clk policy.Clock) policy.Policy[int] {
	r, err := registry.New(registry.Spec{
		Circuits: map[string]registry.CircuitSpec{"c": {}},
		Pipelines: map[string]registry.PipelineSpec{"p": {
			TotalTimeout: time.Minute, Retry: &registry.RetrySpec{}, Circuit: "c", AttemptTimeout: time.Second,
		}},
	}, registry.WithClock(clk))
	if err != nil {
		panic(err)
	}
	l, err := registry.Pipeline[int](r, "p")
	if err != nil {
		panic(err)
	}
	return l
}

// calls are the ways in which a function can end.
var calls = map[string]policy.Func[int]{
	"succeeds": one,
	"fails":    down,
	"blocks": func(ctx context.Context) (int, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		<-ctx.Done()
		return 0, ctx.Err()
	},
	"panics": func(context.Context) (int, error) { panic("boom") },
}

func contained(p policy.Policy[int], ctx context.Context, fn policy.Func[int]) { //nolint:revive // p is what is run
	defer func() { _ = recover() }()
	_, _ = p.Execute(ctx, policy.CallOf(fn))
}

// A bubble fails the test if a goroutine is left in it, and its time stands still while
// a policy waits for something outside it.
func TestEveryPolicyLeavesNoGoroutine(t *testing.T) {
	for name := range every(nil) {
		for how, fn := range calls {
			t.Run(name+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := every(nil)[name]
					contained(p, t.Context(), fn)
					ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
					defer cancel()
					contained(p, ctx, fn)
					synctest.Wait()
				})
			})
		}
	}
}

func TestEveryPolicyLeavesNoTimerOnItsClock(t *testing.T) {
	for name := range every(nil) {
		for how, fn := range calls {
			if how == "blocks" && !slices.Contains([]string{"timeout", "standard", "loaded", "all", "abandon", "whole"}, name) {
				continue // nothing would end the call
			}
			synctest.Test(t, func(t *testing.T) {
				clk := fake.NewClock()
				p := every(clk)[name]
				over := make(chan struct{})
				go func() {
					defer close(over)
					contained(p, t.Context(), fn)
				}()
				drive(t, clk, over)
				assert.Zero(t, clk.Waiters(), "%s %s", name, how)
			})
		}
	}
}

// In real time, a busy machine could let the limit of an abandoning timeout pass first.
func TestGoexitPassesThroughEveryPolicy(t *testing.T) {
	for name := range every(nil) {
		synctest.Test(t, func(t *testing.T) {
			p := every(nil)[name]
			returned := make(chan bool)
			go func() {
				normal := false
				defer func() { returned <- normal }()
				_, _ = p.Execute(t.Context(), policy.CallOf(func(context.Context) (int, error) {
					runtime.Goexit()
					return 0, nil
				}))
				normal = true
			}()
			assert.False(t, <-returned, name)
		})
	}
}

func TestAPanicPassesThroughEveryPolicyWithItsValue(t *testing.T) {
	errBoom := errors.New("boom")
	for name := range every(nil) {
		synctest.Test(t, func(t *testing.T) {
			p := every(nil)[name]
			assert.PanicsWithValue(t, errBoom, func() {
				_, _ = p.Execute(t.Context(), policy.CallOf(func(context.Context) (int, error) { panic(errBoom) }))
			}, name)
		})
	}
}

// The Mock's own pauses would race with its contexts, which write their error without a
// lock. In a bubble they last until the policy waits.
func TestEveryPolicyRunsOnBenbjohnsonsMock(t *testing.T) {
	for name := range every(nil) {
		synctest.Test(t, func(t *testing.T) {
			mock := clock.NewMock()
			p := every(mock)[name]
			over := make(chan struct{})
			go func() {
				defer close(over)
				contained(p, t.Context(), down)
			}()
			for ended := false; !ended; {
				synctest.Wait()
				select {
				case <-over:
					ended = true
				default:
					mock.Add(time.Second)
				}
			}
		})
	}
}

func TestConstructorsPanicOnInvalidArguments(t *testing.T) {
	for want, build := range map[string]func(){
		"pipeline: New: policy 1 of 1 is nil, want a policy":                func() { pipeline.New[int](nil) },
		"pipeline: Pipeline.WithObserver: observer is nil, want a function": func() { pipeline.New[int]().WithObserver(nil) },
		"pipeline: Run: fn is nil, want a function":                         func() { _, _ = pipeline.Run[int](t.Context(), pipeline.New[any](), nil) },
		"pipeline: Exec: fn is nil, want a function":                        func() { _ = pipeline.Exec(t.Context(), pipeline.New[any](), nil) },
		"pipeline: Pipeline.Wrap: fn is nil, want a function":               func() { pipeline.New[int]().Wrap(nil) },
		"pipeline: Pipeline.Do: fn is nil, want a function":                 func() { _, _ = pipeline.New[int]().Do(t.Context(), nil) },
		"pipeline: Run: pipeline is nil, want one made by New":              func() { _, _ = pipeline.Run(t.Context(), nil, one) },
		"pipeline: Exec: pipeline is nil, want one made by New":             func() { _ = pipeline.Exec(t.Context(), nil, func(context.Context) error { return nil }) },
		"pipeline: Pipeline.Wrap: pipeline is nil, want one made by New":    func() { (*pipeline.Pipeline[int])(nil).Wrap(one) },
		"pipeline: Pipeline.With: change is nil, want a function":           func() { pipeline.New[int]().With(nil) },
		"pipeline: Pipeline.With: policy 1 of 1 is nil, want a policy": func() {
			pipeline.New[int]().With(func([]policy.Policy[int]) []policy.Policy[int] { return make([]policy.Policy[int], 1) })
		},
		"pipeline: Pipeline.Do: pipeline is nil, want one made by New": func() { _, _ = (*pipeline.Pipeline[int])(nil).Do(t.Context(), one) },
	} {
		assert.PanicsWithValue(t, want, build)
	}
	for _, cfg := range []pipeline.StandardConfig{
		{Retry: retry.Config{Multiplier: math.NaN()}},
		{Retry: retry.Config{BaseDelay: -2}},
		{Retry: retry.Config{MaxDelay: -1}},
		{Retry: retry.Config{MaxAttempts: -7}},
	} {
		assert.ErrorContains(t, cfg.Validate(), "pipeline: StandardConfig.Retry.", "the path that its author wrote")
		assert.Panics(t, func() { pipeline.Standard[int](cfg) })
	}
	assert.NoError(t, pipeline.StandardConfig{Retry: retry.Config{MaxAttempts: retry.Unlimited}}.Validate())
	assert.NoError(t, pipeline.StandardConfig{TotalTimeout: -1, AttemptTimeout: -1}.Validate())
	assert.ErrorContains(t, pipeline.StandardConfig{Retry: retry.Config{MaxAttempts: math.MaxInt, BaseDelay: time.Hour, MaxDelay: time.Hour}}.Validate(), "Retry.BaseDelay is 1h0m0s, want less: the delays before the last attempt add up to 1281023h53m38.427387904s, and TotalTimeout is 30s")
	assert.ErrorContains(t, pipeline.StandardConfig{Retry: retry.Config{MaxAttempts: 9, BaseDelay: time.Second / 2}, TotalTimeout: 20 * time.Second}.Validate(), "add up to 23.5s")
}

func TestRunReturnsNilAndFailuresUnchanged(t *testing.T) {
	v, err := pipeline.Run(t.Context(), pipeline.New[any](), func(context.Context) (error, error) { return nil, nil }) //nolint:nilnil // an interface that is nil
	require.NoError(t, err)
	assert.NoError(t, v)

	errToo := errors.New("cache empty")
	p := pipeline.New[any](policy.Fallback(func(context.Context, error) (any, error) { return "seven", errToo }))
	_, err = pipeline.Run(t.Context(), p, down)
	assert.ErrorIs(t, err, errToo)
}

func TestRunReportsAValueOfAnotherType(t *testing.T) {
	p := pipeline.New[any](policy.FallbackValue[any]("seven"))
	_, err := pipeline.Run(t.Context(), p, down)
	require.EqualError(t, err, "pipeline: Run: a policy returned the type string, want int")
	_, err = pipeline.Run(t.Context(), pipeline.New[any](policy.FallbackValue[any](nil)), down)
	require.EqualError(t, err, "pipeline: Run: a policy returned nil, want int")
	v, err := pipeline.Run(t.Context(), pipeline.New[any](policy.FallbackValue[any](7)), down)
	require.NoError(t, err)
	assert.Equal(t, 7, v)
}
