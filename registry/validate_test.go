package registry_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// one returns a Spec with one circuit and one pipeline, p.
func one(p registry.PipelineSpec) registry.Spec {
	return registry.Spec{
		Circuits:  map[string]registry.CircuitSpec{"stripe": {}},
		Pipelines: map[string]registry.PipelineSpec{"p": p, "other": {}},
	}
}

func circuit(name string, c breaker.Config) registry.Spec {
	return registry.Spec{Circuits: map[string]registry.CircuitSpec{name: {Config: c}}}
}

func TestEachFaultHasItsPath(t *testing.T) {
	for want, spec := range map[string]registry.Spec{
		"circuits.stripe.failure_rate is 7, want 0 to 1":                                       circuit("stripe", breaker.Config{FailureRate: 7, Window: time.Second}),
		"circuits.stripe.recovery_timeout is -2ns, want 0 or more, or NoWait":                  circuit("stripe", breaker.Config{RecoveryTimeout: -2}),
		"circuits.stripe.failure_rate is NaN, want 0 to 1":                                     circuit("stripe", breaker.Config{FailureRate: math.NaN(), Window: time.Second}),
		`circuits.stripe.name is set, want no name: the registry sets it`:                      circuit("stripe", breaker.Config{Name: "x"}),
		`circuits.stripe.clock is set, want none: see WithClock`:                               circuit("stripe", breaker.Config{Clock: fake.NewClock()}),
		`circuits.stripe.rand is set, want none: see WithRand`:                                 circuit("stripe", breaker.Config{Rand: fake.Rand(0)}),
		`circuits. is named "", want a name`:                                                   circuit("", breaker.Config{}),
		`circuits.a.b is named "a.b", want a name without dots: they part the names of a path`: circuit("a.b", breaker.Config{}),
		`circuits. a is named " a", want a name without spaces around it`:                      circuit(" a", breaker.Config{}),
		"circuits.a\xff is named \"a\\xff\", want a name of printable characters":              circuit("a\xff", breaker.Config{}),
		"circuits.a\x00b is named \"a\\x00b\", want a name of printable characters":            circuit("a\x00b", breaker.Config{}),

		"budgets.b.ratio is -1, want 0 to 1000":        {Budgets: map[string]registry.BudgetSpec{"b": {BudgetConfig: retry.BudgetConfig{Ratio: -1}}}},
		"bulkheads.g.limit is 0, want 1 to 2147483647": {Bulkheads: map[string]registry.BulkheadSpec{"g": {}}},
		"bulkheads.g.delay.interval is -1ns, want more than 0": {Bulkheads: map[string]registry.BulkheadSpec{
			"g": {Config: bulkhead.Config{Limit: 1, MaxQueue: 1, Delay: bulkhead.CoDel{Target: 1, Interval: -1}}}}},
		"adaptive_limits.a.max_queue is -1, want 0 to 2147483647":            {AdaptiveLimits: map[string]registry.AdaptiveLimitSpec{"a": {Config: adaptive.Config{MaxQueue: -1}}}},
		"rate_limits.l.burst is -1, want 0 for the default, NoBurst or more": {RateLimits: map[string]registry.RateLimitSpec{"l": {Config: ratelimit.Config{Limit: 1, Burst: -1}}}},
		"throttles.t.k is 0.5, want 0 for the default, 2, or 1 to 1e+06":     {Throttles: map[string]registry.ThrottleSpec{"t": {Config: throttle.Config{K: 0.5}}}},

		`pipelines.a.b is named "a.b", want a name without dots: they part the names of a path`:                               {Pipelines: map[string]registry.PipelineSpec{"a.b": {}}},
		`pipelines.p.circuit is "strpie", want a circuit of the Spec, did you mean stripe?`:                                   one(registry.PipelineSpec{Circuit: "strpie"}),
		`pipelines.p.throttle is "x", want a throttle of the Spec`:                                                            one(registry.PipelineSpec{Throttle: "x"}),
		`pipelines.p.rate_limit is "x", want a rate limit of the Spec`:                                                        one(registry.PipelineSpec{RateLimit: "x"}),
		`pipelines.p.bulkhead is "x", want a bulkhead of the Spec`:                                                            one(registry.PipelineSpec{Bulkhead: "x"}),
		`pipelines.p.adaptive_limit is "x", want an adaptive limit of the Spec`:                                               one(registry.PipelineSpec{AdaptiveLimit: "x"}),
		`pipelines.p.pipeline is "othr", want a pipeline of the Spec, did you mean other?`:                                    one(registry.PipelineSpec{Pipeline: "othr"}),
		`pipelines.p.pipeline is "p", want no cycle: p > p`:                                                                   one(registry.PipelineSpec{Pipeline: "p"}),
		`pipelines.p.total_timeout is -1s, want 0 for none, or more`:                                                          one(registry.PipelineSpec{TotalTimeout: -time.Second}),
		`pipelines.p.attempt_timeout is -1s, want 0 for none, or more`:                                                        one(registry.PipelineSpec{AttemptTimeout: -time.Second}),
		`pipelines.p.retry.max_attempts is -3, want Unlimited (-1), or 0 or more`:                                             one(registry.PipelineSpec{Retry: &registry.RetrySpec{Config: retry.Config{MaxAttempts: -3}}}),
		`pipelines.p.retry.budget is "x", want a budget of the Spec`:                                                          one(registry.PipelineSpec{Retry: &registry.RetrySpec{BudgetName: "x"}}),
		`pipelines.p.retry.retry_if is "alway", want a function of Funcs.RetryIf, did you mean always?`:                       one(registry.PipelineSpec{Retry: &registry.RetrySpec{RetryIfName: "alway"}}),
		`pipelines.p.retry.backoff is "fibonaci", want a backoff of the library or of Funcs.Backoff, did you mean fibonacci?`: one(registry.PipelineSpec{Retry: &registry.RetrySpec{BackoffName: "fibonaci"}}),
		`pipelines.p.retry.name is set, want no name: the registry sets it`:                                                   one(registry.PipelineSpec{Retry: &registry.RetrySpec{Config: retry.Config{Name: "x"}}}),
		`pipelines.p.hedge.quantile is 2, want 0 for 0.95, or more than 0 and less than 1`:                                    one(registry.PipelineSpec{Hedge: &registry.HedgeSpec{Config: hedge.Config{Quantile: 2}}}),
		`pipelines.p.hedge.budget is "x", want a budget of the Spec`:                                                          one(registry.PipelineSpec{Hedge: &registry.HedgeSpec{BudgetName: "x"}}),
		`pipelines.p.hedge.hedge_if is set, want nil: only OnFailure calls it, and it is not set`:                             one(registry.PipelineSpec{Hedge: &registry.HedgeSpec{HedgeIfName: "always"}}),
		`pipelines.p.hedge.hedge_if is "x", want a function of Funcs.RetryIf`:                                                 one(registry.PipelineSpec{Hedge: &registry.HedgeSpec{Config: hedge.Config{OnFailure: true}, HedgeIfName: "x"}}),
		`pipelines.p.hedge.name is set, want no name: the registry sets it`:                                                   one(registry.PipelineSpec{Hedge: &registry.HedgeSpec{Config: hedge.Config{Name: "x"}}}),
		`pipelines.p.chaos.clock is set, want none: see WithClock`:                                                            one(registry.PipelineSpec{Chaos: &registry.ChaosSpec{Error: "x", Config: chaos.Config{Clock: fake.NewClock()}}}),
		`pipelines.p.fallback is "zerro", want a function of Funcs.Fallback, did you mean zero?`:                              one(registry.PipelineSpec{Fallback: "zerro"}),
		`pipelines.p.cache.key is "", want a function of Funcs.Key: it returns the key of a call`:                             one(registry.PipelineSpec{Cache: &registry.CacheSpec{TTL: 1}}),
		`pipelines.p.cache.key is "kex", want a function of Funcs.Key, did you mean key?`:                                     one(registry.PipelineSpec{Cache: &registry.CacheSpec{Key: "kex", TTL: 1}}),
		`pipelines.p.cache.ttl is 0s, want more than 0: it is how long a result is fresh`:                                     one(registry.PipelineSpec{Cache: &registry.CacheSpec{Key: "key"}}),
		`pipelines.p.cache.negative_ttl is 1ns, want 0, as Negative is nil, or a Negative that says which errors are kept`:    one(registry.PipelineSpec{Cache: &registry.CacheSpec{Key: "key", TTL: 1, NegativeTTL: 1}}),
		`pipelines.p.cache.negative is "x", want a function of Funcs.RetryIf`:                                                 one(registry.PipelineSpec{Cache: &registry.CacheSpec{Key: "key", TTL: 1, NegativeTTL: 1, NegativeName: "x"}}),
		`pipelines.p.cache.store is "redis", want a store of Funcs.Store`:                                                     one(registry.PipelineSpec{Cache: &registry.CacheSpec{Key: "key", TTL: 1, Store: "redis"}}),
		`pipelines.p.coalesce.key is "", want a function of Funcs.Key: it returns the key of a call`:                          one(registry.PipelineSpec{Coalesce: &registry.CoalesceSpec{}}),
		`pipelines.p.chaos.rate is 2, want 0 to 1`:                                                                            one(registry.PipelineSpec{Chaos: &registry.ChaosSpec{Error: "x", Config: chaos.Config{Rate: 2}}}),
		`pipelines.p.chaos.latency is -1ns, want 0 for none, or more`:                                                         one(registry.PipelineSpec{Chaos: &registry.ChaosSpec{Latency: -1}}),
		`pipelines.p.chaos.error is "", want the text of an error, or a latency: chaos without either does nothing`:           one(registry.PipelineSpec{Chaos: &registry.ChaosSpec{}}),
		`circuits.stripe.classify is "wel", want a function of Funcs.Classify, did you mean well?`:                            {Circuits: map[string]registry.CircuitSpec{"stripe": {ClassifyBy: "wel"}}},

		`families.f.pipeline is "", want the pipeline of the members`:                        {Families: map[string]registry.FamilySpec{"f": {}}},
		`families.f.pipeline is "p", want a pipeline of the Spec`:                            {Families: map[string]registry.FamilySpec{"f": {Pipeline: "p"}}},
		`families..f is named ".f", want a name without dots: they part the names of a path`: {Families: map[string]registry.FamilySpec{".f": {Pipeline: "p"}}, Pipelines: map[string]registry.PipelineSpec{"p": {}}},
		`families.f.circuit.slow_rate is 7, want 0 to 1`: {Pipelines: map[string]registry.PipelineSpec{"p": {}},
			Families: map[string]registry.FamilySpec{"f": {Pipeline: "p", Circuit: &registry.CircuitSpec{Config: breaker.Config{SlowRate: 7, SlowCall: 1, Window: time.Second}}}}},
		`families.f.max is -1, want 0 for the default, 1024, or more`:    {Pipelines: map[string]registry.PipelineSpec{"p": {}}, Families: map[string]registry.FamilySpec{"f": {Pipeline: "p", Max: -1}}},
		`families.f.idle is -1s, want 0 for the default, 15m0s, or more`: {Pipelines: map[string]registry.PipelineSpec{"p": {}}, Families: map[string]registry.FamilySpec{"f": {Pipeline: "p", Idle: -time.Second}}},
	} {
		_, err := registry.New(spec, registry.WithFuncs(funcs()))
		assert.EqualError(t, err, "registry: "+want)
		fault := new(registry.Error)
		require.ErrorAs(t, err, &fault, want)
		assert.NotEmpty(t, fault.Want)
		assert.NotEmpty(t, fault.Value)
	}
}

func TestAStoreLimitsItself(t *testing.T) {
	f := funcs()
	f.Store = map[string]any{"redis": nil}
	for _, n := range []int{1, 5} {
		spec := one(registry.PipelineSpec{Cache: &registry.CacheSpec{Key: "key", TTL: 1, Store: "redis", MaxEntries: n}})
		_, err := registry.New(spec, registry.WithFuncs(f))
		assert.EqualError(t, err, fmt.Sprintf("registry: pipelines.p.cache.max_entries is %d, want 0: it limits the built-in store, and store is set", n))
	}
}

func TestAllFaultsAreReportedAtOnceInOrder(t *testing.T) {
	spec := registry.Spec{
		Circuits:  map[string]registry.CircuitSpec{"b": {Config: breaker.Config{MinCalls: -1, FailureThreshold: -1}}, "a": {Config: breaker.Config{WindowCalls: -1}}},
		Pipelines: map[string]registry.PipelineSpec{"p": {Circuit: "c", Retry: &registry.RetrySpec{Config: retry.Config{MaxDelay: -1}}}},
		Families:  map[string]registry.FamilySpec{"f": {Pipeline: "q"}},
	}
	err := spec.Validate()
	list, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	var paths []string
	for _, one := range list.Unwrap() {
		fault := new(registry.Error)
		require.True(t, errors.As(one, &fault))
		paths = append(paths, fault.Path)
	}
	assert.Equal(t, []string{
		"circuits.a.window_calls", "circuits.b.failure_threshold", "circuits.b.min_calls",
		"pipelines.p.retry.max_delay", "pipelines.p.circuit", "families.f.pipeline",
	}, paths)
}

func TestACycleOfPipelinesIsShown(t *testing.T) {
	spec := registry.Spec{Pipelines: map[string]registry.PipelineSpec{
		"a": {Pipeline: "b"}, "b": {Pipeline: "c"}, "c": {Pipeline: "a"}, "into": {Pipeline: "b"}, "fine": {Pipeline: "end"}, "end": {},
	}}
	assert.EqualError(t, spec.Validate(), `registry: pipelines.a.pipeline is "b", want no cycle: a > b > c > a
registry: pipelines.b.pipeline is "c", want no cycle: b > c > a > b
registry: pipelines.c.pipeline is "a", want no cycle: c > a > b > c`)
}

// The empty name stands for no pipeline, also where one is declared under it.
func TestAPipelineWithoutANameIsPartOfNoCycle(t *testing.T) {
	spec := registry.Spec{Pipelines: map[string]registry.PipelineSpec{"": {Pipeline: "a"}, "a": {}, "b": {Pipeline: "a"}}}
	for range 20 { // in any order
		require.EqualError(t, spec.Validate(), `registry: pipelines. is named "", want a name`)
	}
}

func TestValidateWithoutFunctionsAcceptsAnyNameOfOne(t *testing.T) {
	spec := everything()
	spec.Pipelines["all"].Retry.BackoffName = "mine"
	spec.Pipelines["all"].Hedge.OnFailure = true
	spec.Pipelines["all"].Hedge.HedgeIfName = "mine"
	assert.NoError(t, spec.Validate())
	_, err := registry.New(spec)
	assert.ErrorContains(t, err, "registry: pipelines.all.hedge.hedge_if is \"mine\", want a function of Funcs.RetryIf")
}

func TestASpecWithAFaultChangesNothing(t *testing.T) {
	r := made(t, shop(), registry.WithClock(fake.NewClock()))
	before := r.Snapshot()
	spec := shop()
	spec.Circuits["new"] = registry.CircuitSpec{}
	spec.Pipelines["charge"] = registry.PipelineSpec{Circuit: "strip"}
	c, err := r.Apply(spec)
	require.ErrorContains(t, err, "did you mean stripe?")
	assert.True(t, c.None())
	_, err = r.Circuit("new")
	assert.Error(t, err)
	after := r.Snapshot()
	assert.NotEmpty(t, after.Failed)
	after.Failed = ""
	assert.Equal(t, before, after)
}
