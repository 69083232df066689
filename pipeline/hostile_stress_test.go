package pipeline_test

import (
	"context"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// hostile is a user whose functions panic and call runtime.Goexit at random.
type hostile struct {
	mu    sync.Mutex
	rnd   *rand.Rand
	calm  atomic.Bool
	broke atomic.Int64
}

func (h *hostile) n(most int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rnd.IntN(most)
}

// strike is called at the beginning of each of the user's functions.
func (h *hostile) strike() {
	if h.calm.Load() {
		return
	}
	switch h.n(60) {
	case 0:
		h.broke.Add(1)
		panic("boom")
	case 1:
		h.broke.Add(1)
		runtime.Goexit()
	}
}

func (h *hostile) rand() float64 { h.strike(); return float64(h.n(1000)) / 1000 }

func (h *hostile) judge(error) policy.Outcome { h.strike(); return policy.Undecided }

func (h *hostile) key(ctx context.Context) (string, bool) {
	h.strike()
	k, ok := ctx.Value(hostileKey{}).(string)
	return k, ok
}

func (h *hostile) priority(context.Context) policy.Priority {
	h.strike()
	return policy.Priority(h.n(5) - 2)
}

type hostileKey struct{}

// store is a store of a hostile user.
type store struct {
	*cache.Memory[string, int]
	h *hostile
}

func (s store) Get(ctx context.Context, k string) (cache.Entry[int], bool, error) {
	s.h.strike()
	return s.Memory.Get(ctx, k)
}

func (s store) Set(ctx context.Context, k string, e cache.Entry[int]) error {
	s.h.strike()
	return s.Memory.Set(ctx, k, e)
}

func (s store) Delete(ctx context.Context, k string) error {
	s.h.strike()
	return s.Memory.Delete(ctx, k)
}

// fort is a pipeline of all policies, with the functions of a hostile user.
type fort struct {
	*hostile
	cache    *cache.Cache[string, int]
	flights  *coalesce.Coalesce[string, int]
	circuit  *breaker.Circuit
	throttle *throttle.Throttle
	limiter  *ratelimit.Limiter
	gate     *bulkhead.Gate
	adapting *adaptive.Limiter
	gates    *keyed.Map[string, *bulkhead.Gate]
	limits   struct {
		gate     bulkhead.Config
		adaptive adaptive.Config
		circuit  breaker.Config
		throttle throttle.Config
		limiter  ratelimit.Config
	}
	whole *pipeline.Pipeline[int]
}

func newFort(seed uint64) *fort {
	f := &fort{hostile: &hostile{rnd: rand.New(rand.NewPCG(seed, 9))}}
	f.limits.gate = bulkhead.Config{Limit: 8, MaxQueue: 8, MaxWait: 20 * time.Millisecond, Priority: f.priority}
	f.limits.adaptive = adaptive.Config{
		Initial: 8, Max: 16, MinCalls: 5, Window: time.Millisecond, MaxQueue: 8, Target: 5 * time.Millisecond,
		Priority: f.priority, Classify: f.judge, OnChange: func(adaptive.Change) { f.strike() },
	}
	f.limits.circuit = breaker.Config{
		FailureRate: 0.6, Window: time.Second, MinCalls: 10, SlowCall: time.Second, SlowRate: 1,
		RecoveryTimeout: 10 * time.Millisecond, HalfOpenMaxCalls: 1, RecoveryJitter: 0.5, Rand: f.rand, Classify: f.judge,
		RecoveryFor:   func(o breaker.Opening) time.Duration { f.strike(); return o.Default },
		OnStateChange: func(breaker.Transition) { f.strike() },
	}
	f.limits.throttle = throttle.Config{Window: time.Second, Classify: f.judge, Rand: f.rand}
	f.limits.limiter = ratelimit.Config{
		Limit: 5000, Burst: 20, MaxWait: 10 * time.Millisecond, Cost: func(context.Context) int { f.strike(); return f.n(4) },
	}
	f.gate, f.adapting = bulkhead.NewGate(f.limits.gate), adaptive.NewLimiter(f.limits.adaptive)
	f.circuit, f.throttle = breaker.NewCircuit(f.limits.circuit), throttle.NewThrottle(f.limits.throttle)
	f.limiter = ratelimit.NewLimiter(f.limits.limiter)
	f.cache = cache.New(cache.Config[string, int]{
		Key: f.key, TTL: time.Millisecond, Stale: 3 * time.Millisecond, StaleIfError: 5 * time.Millisecond,
		NegativeTTL: time.Millisecond, Negative: func(error) bool { f.strike(); return true }, Rand: f.rand,
		Store: store{cache.NewMemory[string, int](cache.MemoryConfig{}), f.hostile},
	}).WithCacheIf(func(int) bool { f.strike(); return true }).WithClone(func(v int) int { f.strike(); return v })
	f.flights = coalesce.New[string, int](f.key).WithClone(func(v int) int { f.strike(); return v })
	f.gates = keyed.New(keyed.Config[string, *bulkhead.Gate]{
		Make: func(string) *bulkhead.Gate {
			f.strike()
			return bulkhead.NewGate(bulkhead.Config{Limit: 4, MaxQueue: 2, Priority: f.priority})
		},
		Max: 2, OnDrop: func(string, *bulkhead.Gate) { f.strike() },
	})
	f.whole = pipeline.New(f.outer()...).WithObserver(func(context.Context, policy.Event) { f.strike() })
	return f
}

func (f *fort) outer() []policy.Policy[int] {
	match := func(_ int, err error) bool { f.strike(); return err != nil }
	hedged := hedge.New[int](hedge.Config{
		Delay: time.Millisecond, MaxExtra: 2, OnFailure: true, HedgeIf: func(error) bool { f.strike(); return true },
	}).WithCondition(func(_ int, err error) bool { f.strike(); return err == nil }).
		WithDiscard(func(int) { f.strike() }).WithOnLate(func(error) { f.strike() })
	again := retry.New[int](retry.Config{
		Backoff: func(retry.Step) time.Duration { f.strike(); return time.Millisecond },
		RetryIf: func(error) bool { f.strike(); return true }, OnRetry: func(context.Context, policy.Event) { f.strike() },
		Budget: retry.NewBudget(retry.BudgetConfig{}), Rand: f.rand,
	}).WithCondition(match).WithDiscard(func(int) { f.strike() })
	hold := func(_ context.Context, v int, release func()) int { f.strike(); release(); return v }
	return []policy.Policy[int]{
		policy.Fallback(func(_ context.Context, err error) (int, error) { f.strike(); return 0, err }).WithCondition(match),
		f.cache, f.flights,
		policy.NewTimeout[int](policy.TimeoutConfig{After: 30 * time.Millisecond, Abandon: true}).WithKeep(hold),
		again, hedged,
		breaker.New[int](f.circuit).WithClassifier(func(int, error) policy.Outcome { f.strike(); return policy.Undecided }).
			WithKeep(func(_ context.Context, v int, record func(policy.Outcome)) int {
				f.strike()
				record(policy.Success)
				return v
			}),
		throttle.New[int](f.throttle),
		ratelimit.New[int](f.limiter).WithPause(func(int, error) time.Duration { f.strike(); return 0 }),
		policy.Timeout[int](20 * time.Millisecond).WithKeep(hold),
		keyed.Policy(f.gates, f.key, func(g *bulkhead.Gate) policy.Policy[int] { f.strike(); return bulkhead.New[int](g).WithKeep(hold) }),
		bulkhead.New[int](f.gate).WithKeep(hold),
		adaptive.New[int](f.adapting).WithKeep(hold),
		chaos.Fault[int](chaos.Config{Enabled: true, RateFunc: func(context.Context) float64 { f.strike(); return 0.05 }},
			func(context.Context) error { f.strike(); return errors.New("injected") }),
		policy.Check(func(_ int, err error) error { f.strike(); return err }),
	}
}

// attack calls the pipeline, with a context that may end at any time.
func (f *fort) attack() {
	ctx := context.WithValue(context.Background(), hostileKey{}, strconv.Itoa(f.n(4)))
	ctx, cancel := context.WithTimeout(ctx, time.Duration(1+f.n(60))*time.Millisecond)
	defer cancel()
	defer func() { _ = recover() }()
	_, _ = f.whole.Do(ctx, func(ctx context.Context) (int, error) {
		if f.n(10) == 0 {
			ctx = context.WithoutCancel(ctx)
		}
		_ = policy.Sleep(ctx, nil, time.Duration(f.n(6))*time.Millisecond)
		f.strike()
		if f.n(5) == 0 {
			return 1, errors.New("down")
		}
		return 1, ctx.Err()
	})
}

// order changes everything that may be changed.
func (f *fort) order() {
	defer func() { _ = recover() }()
	gate, adapting := f.limits.gate, f.limits.adaptive
	gate.Limit, adapting.Max = 4+f.n(8), 8+f.n(8)
	_ = f.gate.Reconfigure(gate)
	_ = f.adapting.Reconfigure(adapting)
	_ = f.circuit.Reconfigure(f.limits.circuit)
	_ = f.throttle.Reconfigure(f.limits.throttle)
	_ = f.limiter.Reconfigure(f.limits.limiter)
	f.gates.Reconfigure(1+f.n(3), 0)
	switch f.n(6) {
	case 0:
		f.circuit.Trip(1, "test")
	case 1:
		f.circuit.Reset()
	case 2:
		f.limiter.Pause(time.Millisecond)
	case 3:
		_ = f.cache.Delete(context.Background(), strconv.Itoa(f.n(4)))
	}
	f.circuit.Snapshot()
	f.cache.Snapshot()
	f.gates.Forget(strconv.Itoa(f.n(4)))
}

// However the functions of a user end, what their calls had taken comes back.
func TestFunctionsThatPanicAndExitLeaveNothingTaken(t *testing.T) {
	defer log.SetOutput(log.Writer())
	log.SetOutput(io.Discard) // panics of listeners are logged
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			f := newFort(seed)
			var all sync.WaitGroup
			for range 300 {
				for range 4 {
					all.Go(f.attack)
				}
				all.Go(f.order)
				time.Sleep(time.Duration(f.n(3)) * time.Millisecond)
			}
			all.Wait()
			time.Sleep(time.Hour)
			synctest.Wait()
			f.isIntact(t)
		})
	}
}

func (f *fort) isIntact(t *testing.T) {
	f.calm.Store(true)
	require.Greater(t, f.broke.Load(), int64(100))
	assert.Zero(t, f.gate.Snapshot().InUse+f.gate.Snapshot().Waiting, "the gate")
	assert.Zero(t, f.adapting.Snapshot().InUse+f.adapting.Snapshot().Waiting, "the adaptive limiter")
	assert.Zero(t, f.circuit.Snapshot().Probes, "the circuit")
	assert.Zero(t, f.flights.Snapshot().InFlight, "the flights")
	assert.Zero(t, f.limiter.Snapshot().Waiting, "the rate limiter")
	for k, g := range f.gates.All() {
		assert.True(t, g.Idle(), "the gate of %s", k)
	}
	f.circuit.Reset()
	for range 20 {
		ctx := context.WithValue(t.Context(), hostileKey{}, "new")
		_, err := f.whole.Do(ctx, func(context.Context) (int, error) { return 1, nil })
		if err != nil {
			require.ErrorIs(t, err, chaos.ErrInjected)
		}
		time.Sleep(10 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.NoError(t, f.cache.Close(ctx), "the cache")
}
