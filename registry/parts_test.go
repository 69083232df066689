package registry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
)

// cached returns a Spec whose pipeline caches by keyOf.
func cached(c registry.CacheSpec) registry.Spec {
	return registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": {Cache: &c}}}
}

func TestAChangedCacheKeepsItsEntries(t *testing.T) {
	clk := fake.NewClock()
	r := made(t, cached(registry.CacheSpec{Key: "key", TTL: time.Minute}), registry.WithFuncs(funcs()), registry.WithClock(clk))
	l := liveOf(t, r, "p")
	ctx := withKey(t.Context(), "k")
	_, err := l.Do(ctx, ok)
	require.NoError(t, err)
	hit := func() bool { v, err := l.Do(ctx, down); return v == 1 && err == nil }
	require.True(t, hit())
	assert.Equal(t, registry.Changes{Changed: []string{"pipelines.p"}}, apply(t, r, cached(registry.CacheSpec{Key: "key", TTL: time.Hour})))
	assert.True(t, hit())
	unrelated := cached(registry.CacheSpec{Key: "key", TTL: time.Hour})
	p := unrelated.Pipelines["p"]
	p.TotalTimeout = time.Second
	unrelated.Pipelines["p"] = p
	apply(t, r, unrelated)
	assert.True(t, hit())
	assert.Equal(t, registry.Changes{Changed: []string{"pipelines.p"}, Restarted: []string{"pipelines.p"}},
		apply(t, r, cached(registry.CacheSpec{Key: "key", TTL: time.Hour, MaxEntries: 5})))
	assert.False(t, hit())
}

func TestTheCacheOfANestedPipelineIsThatOfThePipeline(t *testing.T) {
	spec := cached(registry.CacheSpec{Key: "key", TTL: time.Minute})
	spec.Pipelines["outer"] = registry.PipelineSpec{Pipeline: "p"}
	r := made(t, spec, registry.WithFuncs(funcs()))
	ctx := withKey(t.Context(), "k")
	_, err := liveOf(t, r, "outer").Do(ctx, ok)
	require.NoError(t, err)
	v, err := liveOf(t, r, "p").Do(ctx, down)
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	text, err := registry.Pipeline[string](r, "p")
	require.NoError(t, err)
	_, err = text.Do(ctx, func(context.Context) (string, error) { return "", errDown })
	assert.ErrorIs(t, err, errDown, "another type has a cache of its own")
}

func TestCallsOfOneFlightShareItAcrossAReload(t *testing.T) {
	spec := func(timeout time.Duration) registry.Spec {
		return registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": {Coalesce: &registry.CoalesceSpec{Key: "key"}, TotalTimeout: timeout}}}
	}
	r := made(t, spec(time.Hour), registry.WithFuncs(funcs()))
	l := liveOf(t, r, "p")
	ctx := withKey(t.Context(), "k")
	begun, end, joined := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		_, err := l.Do(ctx, func(context.Context) (int, error) {
			close(begun)
			<-end
			return 1, nil
		})
		joined <- err
	}()
	<-begun
	apply(t, r, spec(time.Minute))
	rec := fake.NewRecorder()
	watched := policy.NewChain("", []policy.Listener{{Observe: func(ctx context.Context, e policy.Event) {
		rec.Observe(ctx, e)
		if e.Kind == policy.Joined {
			close(end)
		}
	}}}, policy.Policy[int](l))
	v, err := watched.Call(down).Do(ctx)
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	assert.NoError(t, <-joined)
}

func TestAHedgeThatChangesKeepsWhatItHasLearned(t *testing.T) {
	clk := fake.NewClock()
	spec := func(h registry.HedgeSpec) registry.Spec {
		h.MinCalls = 20
		return registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": {Hedge: &h}}}
	}
	r := made(t, spec(registry.HedgeSpec{}), registry.WithClock(clk))
	l := liveOf(t, r, "p")
	for range 20 {
		_, err := l.Do(t.Context(), func(context.Context) (int, error) { clk.Advance(time.Second); return 1, nil })
		require.NoError(t, err)
	}
	changed := registry.HedgeSpec{}
	changed.MaxExtra = 2
	assert.Equal(t, registry.Changes{Changed: []string{"pipelines.p"}}, apply(t, r, spec(changed)))
	done := make(chan error)
	go func() {
		_, err := l.Do(t.Context(), func(ctx context.Context) (int, error) {
			if policy.Speculative(ctx) {
				return 1, nil
			}
			<-ctx.Done()
			return 0, ctx.Err()
		})
		done <- err
	}()
	require.NoError(t, clk.BlockUntil(t.Context(), 1))
	d, waits := clk.AdvanceToNext()
	require.True(t, waits)
	assert.InDelta(t, time.Second, d, float64(200*time.Millisecond))
	assert.NoError(t, <-done)
}

func TestUnchangedChaosGoesOnWithItsSequence(t *testing.T) {
	spec := func(timeout time.Duration) registry.Spec {
		return registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": {
			TotalTimeout: timeout, Chaos: &registry.ChaosSpec{Config: chaos.Config{Rate: 0.5, Enabled: true, Seed: 7}, Error: "chaos"},
		}}}
	}
	results := func(reload bool) (all []bool) {
		r := made(t, spec(time.Hour))
		l := liveOf(t, r, "p")
		for i := range 40 {
			if reload {
				apply(t, r, spec(time.Hour+time.Duration(i)))
			}
			_, err := l.Do(t.Context(), ok)
			all = append(all, errors.Is(err, chaos.ErrInjected))
		}
		return all
	}
	assert.Equal(t, results(false), results(true))
	assert.Contains(t, results(true), true)
	assert.Contains(t, results(true), false)
}

func TestChaosThatWaitsAndFailsDoesBothInTheSameCalls(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	cfg := chaos.Config{Rate: 1, Enabled: true}
	for _, one := range []registry.ChaosSpec{{Config: cfg, Error: "gone", Latency: time.Second}, {Config: cfg, Latency: time.Second}, {Config: cfg, Error: "gone"}} {
		r := made(t, registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": {Chaos: &one}}}, registry.WithClock(clk))
		began := clk.Now()
		_, err := liveOf(t, r, "p").Do(t.Context(), ok)
		assert.Equal(t, one.Latency, clk.Now().Sub(began))
		if one.Error == "" {
			assert.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, chaos.ErrInjected)
		assert.ErrorContains(t, err, "gone")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = liveOf(t, r, "p").Do(ctx, ok)
		assert.ErrorIs(t, err, context.Canceled)
	}
}

// Inside of the outer pipeline, the cache of the inner one was another until it had the
// size of before again.
func TestAPipelineThatIsDeclaredAgainSharesThePartsOfThoseInsideIt(t *testing.T) {
	spec := func(entries int) registry.Spec {
		return cached(registry.CacheSpec{Key: "key", TTL: time.Minute, MaxEntries: entries})
	}
	outside := spec(0)
	outside.Pipelines["outer"] = registry.PipelineSpec{Pipeline: "p"}
	r := made(t, outside, registry.WithFuncs(funcs()))
	outer, inner := liveOf(t, r, "outer"), liveOf(t, r, "p")
	apply(t, r, spec(5))
	apply(t, r, outside)
	ctx := withKey(t.Context(), "k")
	_, err := inner.Do(ctx, ok)
	require.NoError(t, err)
	_, err = outer.Do(ctx, down)
	assert.NoError(t, err, "the cache of the inner pipeline has the answer")
}
