package registry_test

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

// storm returns the nth of the Specs that a storm reloads: everything in it changes, but
// nothing in a way that makes counts begin anew.
func storm(n int) registry.Spec {
	counted := breaker.Config{WindowCalls: 500_000, FailureThreshold: 400_000 + n%5}
	broken := breaker.Config{FailureThreshold: 1 + n%3, RecoveryTimeout: 1000 * time.Hour, MaxRecoveryTimeout: time.Duration(2000+n%7) * time.Hour}
	flappy := breaker.Config{FailureThreshold: 2 + n%2, RecoveryTimeout: time.Duration(1+n%3) * time.Microsecond}
	spec := registry.Spec{
		Circuits: map[string]registry.CircuitSpec{"counted": {Config: counted}, "broken": {Config: broken}, "flappy": {Config: flappy}},
		Budgets: map[string]registry.BudgetSpec{"b": {BudgetConfig: retry.BudgetConfig{
			Ratio: 1000 - float64(n%3), MinPerSecond: 1e6, Window: 100 * time.Hour,
		}}},
		Bulkheads:      map[string]registry.BulkheadSpec{"g": {Config: bulkhead.Config{Limit: 3 + n%3, MaxQueue: 100}}},
		AdaptiveLimits: map[string]registry.AdaptiveLimitSpec{"a": {}},
		RateLimits: map[string]registry.RateLimitSpec{"l": {Config: ratelimit.Config{
			Limit: 1, Per: 10 * time.Hour, Burst: 200 + n%2,
		}}},
		Throttles: map[string]registry.ThrottleSpec{"t": {}},
		Pipelines: map[string]registry.PipelineSpec{
			"steady": {Circuit: "counted", TotalTimeout: time.Hour + time.Duration(n%4), Throttle: "t", AdaptiveLimit: "a"},
			"broken": {Circuit: "broken", Retry: &registry.RetrySpec{Config: retry.Config{MaxAttempts: 2 + n%2}}},
			"flappy": {Circuit: "flappy", AttemptTimeout: time.Hour + time.Duration(n%4)},
			"gated":  {Bulkhead: "g", Chaos: &registry.ChaosSpec{Config: chaos.Config{Seed: uint64(1 + n%2)}, Error: "never"}},
			"paced":  {RateLimit: "l"},
			"again":  {Retry: &registry.RetrySpec{Config: retry.Config{MaxAttempts: 2, BaseDelay: retry.NoDelay, MaxDelay: time.Duration(n%4) * time.Second}, BudgetName: "b"}},
			"outer":  {Pipeline: "steady", Cache: &registry.CacheSpec{Key: "key", TTL: time.Hour + time.Duration(n%3)}, Coalesce: &registry.CoalesceSpec{Key: "key"}},
		},
		Families: map[string]registry.FamilySpec{"hosts": {Pipeline: "broken", Circuit: &registry.CircuitSpec{Config: broken}, Max: 20 + n%5}},
	}
	if n%2 == 0 { // comes and goes while it is in use
		spec.Circuits["gone"] = registry.CircuitSpec{Config: breaker.Config{FailureThreshold: 3}}
		spec.Pipelines["gone"] = registry.PipelineSpec{Circuit: "gone"}
	}
	return spec
}

// tally counts what callers of a storm saw.
type tally struct{ steady, failed, again, outer, paced, admitted, running, most atomic.Int64 }

// sawRunning keeps the most calls that ran at a time.
func (n *tally) sawRunning(now int64) {
	for most := n.most.Load(); now > most; most = n.most.Load() {
		if n.most.CompareAndSwap(most, now) {
			return
		}
	}
}

// TestAStormOfReloadsLosesNothing makes calls of every kind while a registry is reloaded
// a thousand times, or for three seconds.
func TestAStormOfReloadsLosesNothing(t *testing.T) {
	r := made(t, storm(0), registry.WithFuncs(funcs()), registry.WithObserver(func(context.Context, policy.Event) {}))
	var told, jumps atomic.Int64
	r.Watch(func(registry.Changes) { told.Add(1) })
	last := breaker.Closed // the functions of one circuit run one at a time
	circuitOf(t, r, "flappy").Watch(func(to breaker.Transition) {
		if to.From != last {
			jumps.Add(1)
		}
		last = to.To
	})
	broken, hosts := liveOf(t, r, "broken"), familyOf(t, r, "hosts")
	for range 3 {
		_, _ = broken.Do(t.Context(), down)
		_, _ = hosts.Get("broken").Do(t.Context(), down)
	}
	require.Equal(t, breaker.Open, circuitOf(t, r, "broken").State())

	var n tally
	var stop atomic.Bool
	var callers sync.WaitGroup
	called := make(chan struct{}) // taken before each reload, so that calls run between all of them
	for _, call := range callsOf(t, r, &n) {
		callers.Go(func() {
			for i := 0; !stop.Load(); i++ {
				call(i)
				select {
				case called <- struct{}{}:
				default:
				}
				runtime.Gosched() // or the callers take all processors
			}
		})
	}
	began := time.Now()
	const reloads, least = 1000, 50
	const longest = 3 * time.Second // on a machine that is busy with other things
	var done atomic.Int64
	var reloading sync.WaitGroup
	for g := range 2 {
		reloading.Go(func() {
			for i := range reloads / 2 {
				if i >= least/2 && time.Since(began) > longest {
					return
				}
				<-called
				done.Add(1)
				_, err := r.Apply(storm(2*i + g))
				assert.NoError(t, err)
			}
		})
	}
	reloading.Wait()
	took := time.Since(began)
	stop.Store(true)
	callers.Wait()
	for range 300 { // the rest of the tokens
		if _, err := liveOf(t, r, "paced").Do(t.Context(), ok); err == nil {
			n.paced.Add(1)
		}
	}
	apply(t, r, storm(0))
	t.Logf("%d reloads in %v, %.0f a second, beside %d calls", done.Load(), took, float64(done.Load())/took.Seconds(), n.steady.Load()+n.again.Load()+n.outer.Load())

	snap := r.Snapshot()
	assert.EqualValues(t, snap.Revision-1, told.Load(), "each change is told once")
	assert.Zero(t, jumps.Load(), "no transition is lost")
	assert.Equal(t, breaker.Open, snap.Circuits["broken"].State)
	c, _ := hosts.Circuit("broken")
	assert.Equal(t, breaker.Open, c.State())
	assert.Zero(t, n.admitted.Load(), "an open circuit admits no call")
	counts := snap.Circuits["counted"].Counts
	assert.EqualValues(t, min(n.steady.Load(), 500_000), counts.Successes, "no call is uncounted")
	assert.EqualValues(t, n.again.Load(), snap.Budgets["b"].Calls, "no call of a budget is lost")
	assert.EqualValues(t, n.failed.Load(), snap.Budgets["b"].Retries, "and no token")
	assert.Zero(t, snap.Bulkheads["g"].InUse, "no place is lost")
	assert.Zero(t, snap.Bulkheads["g"].Waiting)
	assert.LessOrEqual(t, n.most.Load(), int64(5))
	assert.LessOrEqual(t, n.paced.Load(), int64(201), "a reload refills no bucket")
	assert.GreaterOrEqual(t, n.paced.Load(), int64(200), "or loses a token")
	assert.Zero(t, snap.AdaptiveLimits["a"].InUse)
}

// callsOf returns the calls of a storm, each for one goroutine.
func callsOf(t *testing.T, r *registry.Registry, n *tally) []func(i int) {
	t.Helper()
	steady, gated, again, paced := liveOf(t, r, "steady"), liveOf(t, r, "gated"), liveOf(t, r, "again"), liveOf(t, r, "paced")
	broken, hosts, gone, flappy, outer := liveOf(t, r, "broken"), familyOf(t, r, "hosts"), liveOf(t, r, "gone"), liveOf(t, r, "flappy"), liveOf(t, r, "outer")
	byKey := hosts.Policy(keyOf)
	ctx := context.Background()
	admitted := func(context.Context) (int, error) { n.admitted.Add(1); return 1, nil }
	return []func(i int){
		func(int) {
			_, err := steady.Do(ctx, func(context.Context) (int, error) { n.steady.Add(1); return 1, nil })
			assert.NoError(t, err)
			text, err := registry.Pipeline[string](r, "steady")
			assert.NoError(t, err)
			_, _ = text.Do(ctx, func(context.Context) (string, error) { n.steady.Add(1); return "", nil })
		},
		func(int) {
			_, _ = gated.Do(ctx, func(context.Context) (int, error) {
				n.sawRunning(n.running.Add(1))
				n.running.Add(-1)
				return 1, nil
			})
			g, err := r.Bulkhead("g")
			assert.NoError(t, err)
			if p, ok := g.TryAcquire(); ok {
				p.Release()
			}
		},
		func(int) {
			n.again.Add(1)
			attempts := 0
			_, _ = again.Do(ctx, func(context.Context) (int, error) {
				if attempts++; attempts == 2 {
					n.failed.Add(1)
					return 1, nil
				}
				return 0, errDown
			})
		},
		func(i int) {
			if _, err := paced.Do(ctx, ok); err == nil {
				n.paced.Add(1)
			}
			_, err := broken.Do(ctx, admitted)
			assert.ErrorIs(t, err, breaker.ErrOpen)
			_, err = hosts.Get("broken").Do(ctx, admitted)
			assert.ErrorIs(t, err, breaker.ErrOpen)
			_, err = policy.CallOf(admittedBy(byKey, "broken", admitted)).Do(ctx)
			assert.ErrorIs(t, err, breaker.ErrOpen)
			_, err = byKey.Execute(withKey(ctx, strconv.Itoa(i%40)), policy.CallOf(ok))
			assert.NoError(t, err)
		},
		func(i int) {
			_, _ = gone.Do(ctx, func(context.Context) (int, error) { return 0, errDown })
			_, _ = flappy.Do(ctx, func(context.Context) (int, error) {
				if i%3 > 0 {
					return 0, errDown
				}
				return 1, nil
			})
			_, err := outer.Do(withKey(ctx, strconv.Itoa(i%10)), func(context.Context) (int, error) { n.steady.Add(1); return 1, nil })
			n.outer.Add(1)
			assert.True(t, err == nil || !errors.Is(err, errDown))
			if i%50 == 0 {
				_ = r.Snapshot()
			}
		},
	}
}

func admittedBy(p policy.Policy[int], key string, fn policy.Func[int]) policy.Func[int] {
	return func(ctx context.Context) (int, error) { return p.Execute(withKey(ctx, key), policy.CallOf(fn)) }
}
