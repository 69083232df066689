package registry_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

// piped returns a Spec with a pipeline, p.
func piped(p registry.PipelineSpec) registry.Spec {
	return registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": p}}
}

func TestNamedFunctionsAreCalled(t *testing.T) {
	f := funcs()
	f.Fallback["seven"] = func(context.Context, error) (int, error) { return 7, nil }
	clk := fake.NewClock(fake.AutoAdvance())
	run := func(p registry.PipelineSpec, fn policy.Func[int]) (v, attempts int, err error) {
		r := made(t, piped(p), registry.WithFuncs(f), registry.WithClock(clk))
		v, err = liveOf(t, r, "p").Do(withKey(t.Context(), "k"), func(ctx context.Context) (int, error) {
			attempts++
			return fn(ctx)
		})
		return v, attempts, err
	}
	v, _, err := run(registry.PipelineSpec{Fallback: "seven"}, down)
	require.NoError(t, err)
	assert.Equal(t, 7, v)

	_, attempts, err := run(registry.PipelineSpec{Retry: &registry.RetrySpec{RetryIfName: "never"}}, down)
	require.ErrorIs(t, err, errDown)
	assert.Equal(t, 1, attempts)
	unless := retry.Config{RetryIf: func(error) bool { return false }}
	_, attempts, _ = run(registry.PipelineSpec{Retry: &registry.RetrySpec{Config: unless, RetryIfName: "always"}}, down)
	assert.Equal(t, 3, attempts, "the name comes before the function")
	_, attempts, _ = run(registry.PipelineSpec{Retry: &registry.RetrySpec{Config: unless}}, down)
	assert.Equal(t, 1, attempts)

	onFailure := hedge.Config{OnFailure: true, Delay: time.Hour}
	_, attempts, _ = run(registry.PipelineSpec{Hedge: &registry.HedgeSpec{Config: onFailure, HedgeIfName: "never"}}, down)
	assert.Equal(t, 1, attempts)
	_, attempts, _ = run(registry.PipelineSpec{Hedge: &registry.HedgeSpec{Config: onFailure, HedgeIfName: "always"}}, down)
	assert.Equal(t, 2, attempts)

	for name, want := range map[string]int{"never": 2, "always": 1} {
		kept := registry.CacheSpec{Key: "key", TTL: time.Hour, NegativeTTL: time.Hour, NegativeName: name}
		l := liveOf(t, made(t, cached(kept), registry.WithFuncs(f), registry.WithClock(clk)), "p")
		attempts = 0
		for range 2 {
			_, _ = l.Do(withKey(t.Context(), "k"), func(context.Context) (int, error) { attempts++; return 0, errDown })
		}
		assert.Equal(t, want, attempts, name)
	}
}

func TestNamedBudgetsAreUsed(t *testing.T) {
	onFailure := hedge.Config{OnFailure: true, Delay: time.Hour}
	for _, p := range []registry.PipelineSpec{
		{Retry: &registry.RetrySpec{BudgetName: "b"}},
		{Hedge: &registry.HedgeSpec{Config: onFailure, BudgetName: "b"}},
	} {
		spec := piped(p)
		spec.Budgets = map[string]registry.BudgetSpec{"b": {BudgetConfig: retry.BudgetConfig{MinPerSecond: retry.NoMinimum}}}
		r := made(t, spec, registry.WithClock(fake.NewClock(fake.AutoAdvance())))
		attempts := 0
		_, err := liveOf(t, r, "p").Do(t.Context(), func(context.Context) (int, error) { attempts++; return 0, errDown })
		require.ErrorIs(t, err, errDown)
		assert.Equal(t, 1, attempts, "a tenth of one call is no further attempt")
		b, err := r.Budget("b")
		require.NoError(t, err)
		assert.EqualValues(t, 1, b.Snapshot().Calls)
	}
}

func TestNamedClassifiersJudge(t *testing.T) {
	f := funcs()
	called := map[string]bool{}
	for _, name := range []string{"circuit", "throttle", "limit", "member", "in code"} {
		f.Classify[name] = func(error) policy.Outcome {
			called[name] = true
			return policy.Success
		}
	}
	inCode := breaker.Config{FailureThreshold: 1, Classify: f.Classify["in code"]}
	spec := piped(registry.PipelineSpec{Circuit: "c", Throttle: "t", AdaptiveLimit: "a", Pipeline: "q"})
	spec.Pipelines["q"] = registry.PipelineSpec{Circuit: "in code"}
	spec.Circuits = map[string]registry.CircuitSpec{
		"c": {Config: breaker.Config{FailureThreshold: 1}, ClassifyBy: "circuit"}, "in code": {Config: inCode},
	}
	spec.Throttles = map[string]registry.ThrottleSpec{"t": {ClassifyBy: "throttle"}}
	spec.AdaptiveLimits = map[string]registry.AdaptiveLimitSpec{"a": {ClassifyBy: "limit"}}
	spec.Families = map[string]registry.FamilySpec{"f": {Pipeline: "p", Circuit: &registry.CircuitSpec{Config: inCode, ClassifyBy: "member"}}}
	r := made(t, spec, registry.WithFuncs(f), registry.WithClock(fake.NewClock()))
	_, _ = liveOf(t, r, "p").Do(t.Context(), down)
	_, _ = familyOf(t, r, "f").Get("a").Do(t.Context(), down)
	assert.Len(t, called, 5)
	snap := r.Snapshot()
	assert.Equal(t, breaker.Closed, snap.Circuits["c"].State)
	assert.Equal(t, breaker.Closed, snap.Circuits["in code"].State)
	assert.EqualValues(t, 2, snap.Throttles["t"].Accepts)
}

func TestAFunctionForAnotherTypeOrNoneIsRefused(t *testing.T) {
	f := funcs()
	f.Fallback["nil"] = (func(context.Context, error) (int, error))(nil)
	f.Fallback["none"] = nil
	f.Store = map[string]any{
		"texts": cache.NewMemory[string, string](cache.MemoryConfig{}),
		"nil":   (*cache.Memory[string, int])(nil),
		"none":  nil,
		"ints":  cache.NewMemory[string, int](cache.MemoryConfig{}),
	}
	const fallback, store = "func(context.Context, error) (int, error)", "cache.Store[string,int]"
	stored := func(name string) registry.PipelineSpec {
		return registry.PipelineSpec{Cache: &registry.CacheSpec{Key: "key", TTL: time.Minute, Store: name}}
	}
	for _, one := range []struct {
		p    registry.PipelineSpec
		want string
	}{
		{registry.PipelineSpec{Fallback: "zero"}, ""},
		{registry.PipelineSpec{Fallback: "nil"}, `fallback is "nil", a nil ` + fallback + `, want a ` + fallback},
		{registry.PipelineSpec{Fallback: "none"}, `fallback is "none", a nil <nil>, want a ` + fallback},
		{registry.PipelineSpec{}, ""},
		{registry.PipelineSpec{Cache: &registry.CacheSpec{Key: "key", TTL: time.Minute}}, ""},
		{stored("ints"), ""},
		{stored("texts"), `cache.store is "texts", a *cache.Memory[string,string], want a ` + store},
		{stored("nil"), `cache.store is "nil", a nil *cache.Memory[string,int], want a ` + store},
		{stored("none"), `cache.store is "none", a nil <nil>, want a ` + store},
	} {
		spec := piped(one.p)
		spec.Pipelines["outer"] = registry.PipelineSpec{Pipeline: "p"}
		spec.Families = map[string]registry.FamilySpec{"f": {Pipeline: "outer"}}
		r := made(t, spec, registry.WithFuncs(f))
		snap := r.Snapshot()
		assert.Contains(t, snap.Pipelines["outer"].Text, "p(")
		_, err := registry.Pipeline[int](r, "outer")
		_, again := registry.Keyed[int](r, "f")
		if one.want == "" {
			require.NoError(t, err)
			assert.NoError(t, again)
			continue
		}
		require.EqualError(t, err, "registry: pipelines.p."+one.want+" for this pipeline's type")
		assert.EqualError(t, again, err.Error())
	}
}

func TestAFunctionWithoutANameIsNotUsed(t *testing.T) {
	f := registry.Funcs{
		RetryIf:  map[string]func(error) bool{"": nil},
		Classify: map[string]func(error) policy.Outcome{"": nil},
		Backoff:  map[string]retry.Backoff{"": retry.Constant(time.Hour)},
		Fallback: map[string]any{"": 7},
		Key:      map[string]func(context.Context) (string, bool){"": nil, "key": keyOf},
		Store:    map[string]any{"": 7},
	}
	spec := piped(registry.PipelineSpec{
		Retry: &registry.RetrySpec{Config: retry.Config{BaseDelay: 1, JitterFactor: retry.NoJitter}},
		Cache: &registry.CacheSpec{Key: "key", TTL: 1}, Circuit: "c",
	})
	spec.Circuits = map[string]registry.CircuitSpec{"c": {}}
	clk := fake.NewClock(fake.AutoAdvance())
	_, err := liveOf(t, made(t, spec, registry.WithFuncs(f), registry.WithClock(clk)), "p").Do(t.Context(), down)
	require.ErrorIs(t, err, errDown)
	assert.Equal(t, []time.Duration{1, 2}, clk.Sleeps())
}

func TestANamedBackoffWithoutADelayDoesNotSleep(t *testing.T) {
	for _, name := range []string{"full_jitter", "equal_jitter", "decorrelated", "fibonacci", "linear", "constant"} {
		clk := fake.NewClock(fake.AutoAdvance())
		began := clk.Now()
		r := made(t, piped(registry.PipelineSpec{Retry: &registry.RetrySpec{
			BackoffName: name, Config: retry.Config{BaseDelay: retry.NoDelay, JitterFactor: retry.NoJitter},
		}}), registry.WithClock(clk), registry.WithRand(fake.Rand(0.999)))
		_, _ = liveOf(t, r, "p").Do(t.Context(), down)
		assert.Equal(t, began, clk.Now(), name)
	}
}

func TestChaosDrawsFromTheRegistryUnlessItHasASeed(t *testing.T) {
	for seed := range uint64(3) {
		drawn := 0
		r := made(t, piped(registry.PipelineSpec{Chaos: &registry.ChaosSpec{
			Config: chaos.Config{Rate: 0.5, Enabled: true, Seed: seed}, Error: "chaos",
		}}), registry.WithRand(func() float64 { drawn++; return 0.4 }))
		_, err := liveOf(t, r, "p").Do(t.Context(), ok)
		if seed == 0 {
			assert.ErrorIs(t, err, chaos.ErrInjected)
		}
		assert.Equal(t, seed == 0, drawn > 0, seed)
	}
}

func TestTheLeastDurationsCount(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	r := made(t, piped(registry.PipelineSpec{
		TotalTimeout: 1, AttemptTimeout: 1, Chaos: &registry.ChaosSpec{Config: chaos.Config{Rate: 1, Enabled: true}, Error: "x", Latency: 1},
	}), registry.WithClock(clk))
	assert.Equal(t, "timeout(total, 1ns) > timeout(attempt, 1ns) > chaos(fault 100%)", liveOf(t, r, "p").String())
	r = made(t, piped(registry.PipelineSpec{Chaos: &registry.ChaosSpec{Config: chaos.Config{Rate: 1, Enabled: true}, Error: "x", Latency: 1}}), registry.WithClock(clk))
	began := clk.Now()
	_, err := liveOf(t, r, "p").Do(t.Context(), ok)
	require.ErrorIs(t, err, chaos.ErrInjected)
	assert.Equal(t, time.Duration(1), clk.Now().Sub(began))
}

func TestChaosWithoutALatencyDoesNotSleep(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	r := made(t, piped(registry.PipelineSpec{Chaos: &registry.ChaosSpec{Config: chaos.Config{Rate: 1, Enabled: true}, Error: "x"}}), registry.WithClock(clk))
	_, err := liveOf(t, r, "p").Do(t.Context(), ok)
	require.ErrorIs(t, err, chaos.ErrInjected)
	assert.Empty(t, clk.Sleeps())
}

func TestUnknownNamesListAFewOfTheDeclared(t *testing.T) {
	for n, want := range map[int]string{
		0: ", there are no rate limits",
		1: ", declared are limit0",
		8: ", declared are limit0, limit1, limit2, limit3, limit4, limit5, limit6, limit7",
		9: "",
	} {
		spec := registry.Spec{RateLimits: map[string]registry.RateLimitSpec{}, Pipelines: map[string]registry.PipelineSpec{}}
		for i := range n {
			one := registry.RateLimitSpec{}
			one.Limit = 1
			spec.RateLimits["limit"+strconv.Itoa(i)] = one
			spec.Pipelines["limit"+strconv.Itoa(i)] = registry.PipelineSpec{}
		}
		r := made(t, spec)
		_, err := r.RateLimit("x")
		require.EqualError(t, err, "registry: rate_limits.x: not declared"+want)
		if n > 0 {
			_, err = registry.Pipeline[int](r, "x")
			require.EqualError(t, err, "registry: pipelines.x: not declared"+want)
		}
		if n == 8 {
			_, err = r.RateLimit("limt3")
			require.EqualError(t, err, "registry: rate_limits.limt3: not declared, did you mean limit3?")
		}
	}
}

func TestChaosThatWaitsReturnsTheErrorOfItsCaller(t *testing.T) {
	clk := fake.NewClock()
	r := made(t, piped(registry.PipelineSpec{Chaos: &registry.ChaosSpec{
		Config: chaos.Config{Rate: 1, Enabled: true}, Error: "injected", Latency: time.Hour,
	}}), registry.WithClock(clk))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := liveOf(t, r, "p").Do(ctx, ok)
		ended <- err
	}()
	require.NoError(t, clk.BlockUntil(t.Context(), 1))
	cancel()
	assert.ErrorIs(t, <-ended, context.Canceled)
}
