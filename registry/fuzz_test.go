package registry_test

import (
	"context"
	"errors"
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

// source draws the parts of a Spec from bytes.
type source struct{ data []byte }

func (s *source) next(n int) int {
	if len(s.data) == 0 {
		return 0
	}
	b := int(s.data[0])
	s.data = s.data[1:]
	return b % n
}

func (s *source) number() int { return []int{0, 1, 2, 5, 30, -1, -7}[s.next(7)] }

func (s *source) rate() float64 { return []float64{0, 0.5, 1, 0.1, -1, 3}[s.next(6)] }

func (s *source) time() time.Duration {
	return []time.Duration{0, 1, time.Millisecond, time.Second, time.Hour, -1, -time.Second}[s.next(7)]
}

func (s *source) name() string { return []string{"", "a", "b", "c"}[s.next(4)] }

func (s *source) fn(name string) string { return []string{"", "", name, "unknown"}[s.next(4)] }

func (s *source) circuit() registry.CircuitSpec {
	return registry.CircuitSpec{Config: breaker.Config{
		FailureThreshold: s.number(), FailureRate: s.rate(), Window: s.time(), WindowCalls: s.number(), MinCalls: s.number(),
		RecoveryTimeout: s.time(), MaxRecoveryTimeout: s.time(),
	}, ClassifyBy: s.fn("well")}
}

func maybe[T any](s *source, v T) *T {
	if s.next(2) == 0 {
		return nil
	}
	return &v
}

func (s *source) pipeline() registry.PipelineSpec {
	return registry.PipelineSpec{
		Fallback: s.fn("zero"),
		Cache: maybe(s, registry.CacheSpec{
			Key: s.fn("key"), TTL: s.time(), Stale: s.time(), NegativeTTL: s.time(), NegativeName: s.fn("always"), MaxEntries: s.number(),
		}),
		Coalesce: maybe(s, registry.CoalesceSpec{Key: s.fn("key")}), TotalTimeout: s.time(),
		Retry: maybe(s, registry.RetrySpec{
			Config:     retry.Config{MaxAttempts: []int{0, 1, 3, -5}[s.next(4)], BaseDelay: s.time(), MaxDelay: s.time(), JitterFactor: s.rate()},
			BudgetName: s.name(), RetryIfName: s.fn("always"), BackoffName: s.fn("fibonacci"),
		}),
		Hedge: maybe(s, registry.HedgeSpec{
			Config: hedge.Config{Delay: s.time(), Quantile: s.rate(), MaxExtra: s.number(), OnFailure: s.next(2) == 1}, BudgetName: s.name(), HedgeIfName: s.fn("always"),
		}),
		Circuit: s.name(), Throttle: s.name(), RateLimit: s.name(), AttemptTimeout: s.time(), Bulkhead: s.name(), AdaptiveLimit: s.name(),
		Chaos:    maybe(s, registry.ChaosSpec{Config: chaos.Config{Rate: s.rate(), Enabled: s.next(2) == 1}, Error: s.fn("x"), Latency: s.time()}),
		Pipeline: s.name(), Abandon: s.next(2) == 1,
	}
}

func (s *source) spec() registry.Spec {
	spec := registry.Spec{
		Circuits: map[string]registry.CircuitSpec{}, Budgets: map[string]registry.BudgetSpec{}, Bulkheads: map[string]registry.BulkheadSpec{},
		AdaptiveLimits: map[string]registry.AdaptiveLimitSpec{}, RateLimits: map[string]registry.RateLimitSpec{},
		Throttles: map[string]registry.ThrottleSpec{}, Pipelines: map[string]registry.PipelineSpec{}, Families: map[string]registry.FamilySpec{},
	}
	for range s.next(12) {
		switch name := s.name(); s.next(8) {
		case 0:
			spec.Circuits[name] = s.circuit()
		case 1:
			spec.Budgets[name] = registry.BudgetSpec{BudgetConfig: retry.BudgetConfig{Ratio: s.rate(), Window: s.time()}}
		case 2:
			spec.Bulkheads[name] = registry.BulkheadSpec{Config: bulkhead.Config{Limit: s.number(), MaxQueue: s.number()}}
		case 3:
			spec.AdaptiveLimits[name] = registry.AdaptiveLimitSpec{Config: adaptive.Config{Initial: s.number(), Max: s.number(), Target: s.time()}}
		case 4:
			spec.RateLimits[name] = registry.RateLimitSpec{Config: ratelimit.Config{Limit: s.number(), Per: s.time(), Burst: s.number()}}
		case 5:
			spec.Throttles[name] = registry.ThrottleSpec{Config: throttle.Config{K: s.rate(), Window: s.time()}}
		case 6:
			spec.Families[name] = registry.FamilySpec{Pipeline: s.name(), Circuit: maybe(s, s.circuit()), Max: s.number(), Idle: s.time()}
		default:
			spec.Pipelines[name] = s.pipeline()
		}
	}
	return spec
}

// FuzzSpec checks that whatever Validate accepts builds, reloads and runs, and that all
// else is refused with paths.
func FuzzSpec(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add([]byte{3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7}, []byte{1, 1, 7})
	f.Add([]byte("\x02\x01\x07\x00\x00\x00\x01\x00\x00\x01\x01"), []byte("\x05\x01\x02\x01\x01\x01\x07"))
	for i := range byte(40) {
		seed := make([]byte, 120)
		for j := range seed {
			seed[j] = byte(j)*i + i*i
		}
		f.Add(seed, seed[i:])
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		r, err := registry.New((&source{first}).spec(), registry.WithFuncs(funcs()), registry.WithClock(fake.NewClock(fake.AutoAdvance())))
		if err != nil {
			refused(t, err)
			return
		}
		use(t, r)
		before := r.Snapshot().Values
		if _, err := r.Apply((&source{second}).spec()); err != nil {
			refused(t, err)
			require.Equal(t, before, r.Snapshot().Values)
		}
		use(t, r)
		require.Empty(t, must(r.Apply(registry.Spec{})).Added)
		c := must(r.Apply((&source{first}).spec()))
		require.Empty(t, c.Removed)
		require.Empty(t, c.Changed)
		require.Equal(t, before, made(t, (&source{first}).spec(), registry.WithFuncs(funcs())).Snapshot().Values)
		use(t, r)
	})
}

func must(c registry.Changes, err error) registry.Changes {
	if err != nil {
		panic(err)
	}
	return c
}

func refused(t *testing.T, err error) {
	list, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	for _, one := range list.Unwrap() {
		fault := new(registry.Error)
		require.True(t, errors.As(one, &fault))
		assert.NotEmpty(t, fault.Path)
		assert.NotEmpty(t, fault.Want)
	}
}

// use makes calls of all kinds.
func use(t *testing.T, r *registry.Registry) {
	snap := r.Snapshot()
	ctx, cancel := context.WithCancel(withKey(context.Background(), "k"))
	defer cancel()
	for name := range snap.Pipelines {
		l := liveOf(t, r, name)
		_, _ = l.Do(ctx, ok)
		_, _ = l.Do(ctx, down)
		require.Equal(t, snap.Pipelines[name].Description.Name, l.Describe().Name)
	}
	for name := range snap.Families {
		f := familyOf(t, r, name)
		_, _ = f.Get("a").Do(ctx, ok)
		_, _ = f.Get("b").Do(ctx, down)
		require.GreaterOrEqual(t, f.Len(), 1)
	}
}
