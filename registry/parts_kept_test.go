package registry_test

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
)

// withParts returns a Spec with a pipeline of all policies that have a T.
func withParts(change func(p *registry.PipelineSpec)) registry.Spec {
	p := registry.PipelineSpec{
		Cache: &registry.CacheSpec{Key: "key", TTL: time.Minute}, Coalesce: &registry.CoalesceSpec{Key: "key"},
		Hedge: &registry.HedgeSpec{Config: hedge.Config{Delay: time.Hour}},
		Chaos: &registry.ChaosSpec{Config: chaos.Config{Rate: 1}, Error: "chaos"},
	}
	change(&p)
	return piped(p)
}

func TestEachPartStaysUntilItChangesOrGoes(t *testing.T) {
	const all = "cache(1m0s) > coalesce > hedge(1h0m0s) > chaos(fault 100%)"
	f := funcs()
	keys := 0
	f.Key["counted"] = func(context.Context) (string, bool) { keys++; return "k", true }
	same := func(*registry.PipelineSpec) {}
	r := made(t, withParts(same), registry.WithFuncs(f))
	l := liveOf(t, r, "p")
	for _, one := range []struct {
		change func(p *registry.PipelineSpec)
		want   string
	}{
		{same, all},
		{func(p *registry.PipelineSpec) { p.AttemptTimeout = time.Second }, "cache(1m0s) > coalesce > hedge(1h0m0s) > timeout(attempt, 1s) > chaos(fault 100%)"},
		{func(p *registry.PipelineSpec) { p.Cache.TTL = time.Hour }, "cache(1h0m0s) > coalesce > hedge(1h0m0s) > chaos(fault 100%)"},
		{func(p *registry.PipelineSpec) { p.Hedge.Delay = time.Minute }, "cache(1m0s) > coalesce > hedge(1m0s) > chaos(fault 100%)"},
		{func(p *registry.PipelineSpec) { p.Chaos.Rate = 0.5 }, "cache(1m0s) > coalesce > hedge(1h0m0s) > chaos(fault 50%)"},
		{func(p *registry.PipelineSpec) { p.Cache, p.Hedge = nil, nil }, "coalesce > chaos(fault 100%)"},
		{func(p *registry.PipelineSpec) { p.Coalesce, p.Chaos = nil, nil }, "cache(1m0s) > hedge(1h0m0s)"},
		{same, all},
	} {
		apply(t, r, withParts(one.change))
		assert.Equal(t, one.want, l.String())
	}
	apply(t, r, withParts(func(p *registry.PipelineSpec) { p.Coalesce.Key = "counted" }))
	_, err := l.Do(t.Context(), ok)
	require.NoError(t, err)
	assert.Positive(t, keys)
}

func TestACacheWithAStoreUsesIt(t *testing.T) {
	f := funcs()
	first, second := cache.NewMemory[string, int](cache.MemoryConfig{}), cache.NewMemory[string, int](cache.MemoryConfig{})
	f.Store = map[string]any{"first": first, "second": second}
	stored := func(name string) registry.Spec {
		return cached(registry.CacheSpec{Key: "key", TTL: time.Minute, Store: name})
	}
	r := made(t, stored("first"), registry.WithFuncs(f))
	l := liveOf(t, r, "p")
	ctx := withKey(t.Context(), "k")
	_, err := l.Do(ctx, ok)
	require.NoError(t, err)
	assert.Equal(t, 1, first.Len())
	for _, v := range r.Snapshot().Values {
		assert.NotEqual(t, "pipelines.p.cache.max_entries", v.Path, "it limits the built-in store")
	}
	anew := registry.Changes{Changed: []string{"pipelines.p"}, Restarted: []string{"pipelines.p"}}
	for _, name := range []string{"second", ""} {
		assert.Equal(t, anew, apply(t, r, stored(name)))
		_, err = l.Do(ctx, down)
		require.ErrorIs(t, err, errDown)
	}
	assert.Equal(t, 0, second.Len())
	assert.Equal(t, anew, apply(t, r, stored("first")))
	_, err = l.Do(ctx, down)
	assert.NoError(t, err)
}

func TestAMemberGetsWhatItsFamilyIsGivenLater(t *testing.T) {
	spec := inEach()
	spec.Families["f"] = registry.FamilySpec{Pipeline: "p"}
	r := made(t, spec)
	l := familyOf(t, r, "f").Get("a")
	assert.Equal(t, "pass-through", l.String())
	apply(t, r, inEach())
	assert.Contains(t, l.String(), "breaker(f) > throttle(f) > ratelimit(f, 100/1s) > bulkhead(f, 5) > adaptive(f")
}

func TestAMemberKeepsItsPipelinesOfAllTypes(t *testing.T) {
	r := made(t, hosts(registry.FamilySpec{}))
	ints := familyOf(t, r, "hosts")
	texts, err := registry.Keyed[string](r, "hosts")
	require.NoError(t, err)
	flags, err := registry.Keyed[bool](r, "hosts")
	require.NoError(t, err)
	i, s, b := ints.Get("a"), texts.Get("a"), flags.Get("a")
	assert.Same(t, i, ints.Get("a"))
	assert.Same(t, s, texts.Get("a"))
	assert.Same(t, b, flags.Get("a"))
	apply(t, r, hosts(registry.FamilySpec{Circuit: ownCircuit(1)}))
	assert.Equal(t, []string{"breaker(hosts)", "breaker(hosts)", "breaker(hosts)"}, []string{i.String(), s.String(), b.String()})
}

func TestACallWithoutAKeyAsksNoMember(t *testing.T) {
	f := familyOf(t, made(t, hosts(registry.FamilySpec{Circuit: ownCircuit(1)})), "hosts")
	_, _ = f.Get("").Do(t.Context(), down)
	asks := f.Policy(keyOf).(interface {
		Refusal(context.Context, time.Duration) error
	})
	require.Error(t, asks.Refusal(withKey(t.Context(), ""), 0))
	assert.NoError(t, asks.Refusal(t.Context(), 0))
	_, err := policy.CallOf(admittedBy(f.Policy(func(context.Context) (string, bool) { return "", false }), "", ok)).Do(t.Context())
	assert.NoError(t, err)
}

// Of two pipelines that are added to a member at the same time, none is lost.
func TestAMemberKeepsPipelinesThatComeAtTheSameTime(t *testing.T) {
	const members = 1000
	r := made(t, hosts(registry.FamilySpec{}))
	ints := familyOf(t, r, "hosts")
	texts, err := registry.Keyed[string](r, "hosts")
	require.NoError(t, err)
	flags, err := registry.Keyed[bool](r, "hosts")
	require.NoError(t, err)
	var arrived [members]atomic.Int32
	together := func(i int) string {
		for arrived[i].Add(1); arrived[i].Load() < 2; {
			runtime.Gosched()
		}
		return strconv.Itoa(i)
	}
	for i := range members {
		ints.Get(strconv.Itoa(i))
	}
	var ofTexts [members]*registry.Live[string]
	var ofFlags [members]*registry.Live[bool]
	var getting sync.WaitGroup
	getting.Go(func() {
		for i := range members {
			ofTexts[i] = texts.Get(together(i))
		}
	})
	getting.Go(func() {
		for i := range members {
			ofFlags[i] = flags.Get(together(i))
		}
	})
	getting.Wait()
	for i := range members {
		require.Same(t, ofTexts[i], texts.Get(strconv.Itoa(i)))
		require.Same(t, ofFlags[i], flags.Get(strconv.Itoa(i)))
	}
}

// Goroutines that begin to use a family for different types at the same time must all be
// remembered: an Apply checks its functions for each of them, and reaches all pipelines.
func TestTypesThatComeAtTheSameTimeAreAllRemembered(t *testing.T) {
	spec := func(fallback string, timeout time.Duration) registry.Spec {
		s := piped(registry.PipelineSpec{Fallback: fallback, TotalTimeout: timeout})
		s.Families = map[string]registry.FamilySpec{"f": {Pipeline: "p"}}
		return s
	}
	for range 150 {
		r := made(t, spec("", 0), registry.WithFuncs(funcs()))
		familyOf(t, r, "f").Get("a")
		var texts *registry.Live[string]
		var flags *registry.Live[bool]
		var asking sync.WaitGroup
		begin := make(chan struct{})
		asking.Go(func() {
			<-begin
			f, err := registry.Keyed[string](r, "f")
			assert.NoError(t, err)
			texts = f.Get("a")
		})
		asking.Go(func() {
			<-begin
			f, err := registry.Keyed[bool](r, "f")
			assert.NoError(t, err)
			flags = f.Get("a")
		})
		close(begin)
		asking.Wait()
		_, err := r.Apply(spec("zero", 0))
		require.ErrorContains(t, err, "(string, error) for this pipeline's type")
		require.ErrorContains(t, err, "(bool, error) for this pipeline's type")
		apply(t, r, spec("", time.Second))
		require.Equal(t, []string{"timeout(total, 1s)", "timeout(total, 1s)"}, []string{texts.String(), flags.String()})
	}
}
