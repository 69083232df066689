package registry_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/registry"
)

// A registry reads its clock while it plans a state and while it builds a pipeline. The
// tests below do at such a reading what another goroutine might do at that time.

// meanwhile returns a clock, and a function that makes one of its next readings call f
// first: the one after n others.
func meanwhile() (clk *nowClock, at func(n int, f func())) {
	clk = &nowClock{fake.NewClock(), func() {}}
	return clk, func(n int, f func()) {
		clk.read = func() {
			if n--; n == -1 {
				f()
			}
		}
	}
}

// none is a reading that does not come.
const none = -2

// limited returns a Spec with a rate limit, which reads the clock when it is made.
func limited(limit int) registry.Spec {
	return registry.Spec{
		RateLimits: map[string]registry.RateLimitSpec{"l": {Config: ratelimit.Config{Limit: limit}}},
		Pipelines:  map[string]registry.PipelineSpec{"p": {RateLimit: "l"}},
	}
}

func TestAPlanThatCameTooLateLeavesNothingBehind(t *testing.T) {
	for nth := range 2 { // for the time of the state, and by the limiter
		clk, at := meanwhile()
		r := made(t, registry.Spec{}, registry.WithClock(clk))
		var l *registry.Live[int]
		at(nth, func() {
			apply(t, r, limited(1))
			l = liveOf(t, r, "p")
		})
		assert.Equal(t, registry.Changes{Changed: []string{"rate_limits.l"}}, apply(t, r, limited(2)))
		require.NotNil(t, l)
		assert.Same(t, l, liveOf(t, r, "p"))
		_, err := l.Do(t.Context(), ok)
		require.NoError(t, err)
		limiter, err := r.RateLimit("l")
		require.NoError(t, err)
		assert.EqualValues(t, 1, limiter.Snapshot().Admitted, "the pipeline takes from the limiter of that name")
	}
}

func TestAPlanThatIsRefusedInTheEndChangesNoFamily(t *testing.T) {
	clk, at := meanwhile()
	spec := func(threshold int, fallback string) registry.Spec {
		return registry.Spec{
			Pipelines: map[string]registry.PipelineSpec{"p": {Fallback: fallback}, "q": {}},
			Families:  map[string]registry.FamilySpec{"f": {Pipeline: "q", Circuit: ownCircuit(threshold)}},
		}
	}
	r := made(t, spec(3, ""), registry.WithClock(clk), registry.WithFuncs(funcs()))
	f := familyOf(t, r, "f")
	at(0, func() {
		_, err := registry.Pipeline[string](r, "p")
		assert.NoError(t, err)
	})
	_, err := r.Apply(spec(7, "zero"))
	require.ErrorContains(t, err, "pipelines.p.fallback")
	f.Get("new")
	c, _ := f.Circuit("new")
	assert.Equal(t, 3, c.Config().FailureThreshold)
}

// building is the number of readings when a pipeline of cachedIn is built: the store and the
// cache are made.
const building = 2

// cachedIn returns a Spec with a cache, which reads the clock when it is made.
func cachedIn(entries int, timeout time.Duration) registry.Spec {
	spec := cached(registry.CacheSpec{Key: "key", TTL: time.Hour, MaxEntries: entries})
	p := spec.Pipelines["p"]
	p.TotalTimeout = timeout
	spec.Pipelines["p"] = p
	spec.Pipelines["outer"], spec.Pipelines["other"] = registry.PipelineSpec{Pipeline: "p"}, registry.PipelineSpec{}
	spec.Families = map[string]registry.FamilySpec{"f": {Pipeline: "p"}}
	return spec
}

func TestAPipelineThatIsBuiltDuringAReloadFollowsIt(t *testing.T) {
	for nth := range building {
		clk, at := meanwhile()
		r := made(t, cachedIn(5, 0), registry.WithClock(clk), registry.WithFuncs(funcs()))
		liveOf(t, r, "other")
		at(nth, func() { apply(t, r, cachedIn(5, time.Second)) })
		l := liveOf(t, r, "p")
		assert.Contains(t, l.String(), "timeout(total, 1s)", "%d readings", nth)
		assert.Same(t, l, liveOf(t, r, "p"))
		apply(t, r, cachedIn(5, time.Minute))
		assert.Contains(t, l.String(), "timeout(total, 1m0s)")
	}
}

func TestAMemberFollowsAReloadAtAnyTimeWhileItIsMade(t *testing.T) {
	const readings = 4 // by the map of members, the circuit and the limiter, and more
	spec := func(threshold int) registry.Spec {
		return hosts(registry.FamilySpec{
			Circuit: ownCircuit(threshold), RateLimit: &registry.RateLimitSpec{Config: ratelimit.Config{Limit: threshold}},
		})
	}
	for n := range readings {
		clk, at := meanwhile()
		r := made(t, spec(9), registry.WithClock(clk))
		f := familyOf(t, r, "hosts")
		at(n, func() {
			if c, found := f.Circuit("a"); found {
				assert.Equal(t, 9, c.Config().FailureThreshold, "what is found is complete")
			}
			apply(t, r, spec(2))
		})
		l := f.Get("a")
		at(none, nil)
		apply(t, r, spec(2)) // changes nothing, unless the reading did not come
		c, _ := f.Circuit("a")
		assert.Equal(t, 2, c.Config().FailureThreshold, "%d readings", n)
		assert.Equal(t, "breaker(hosts) > ratelimit(hosts, 2/1s)", l.String(), "%d readings", n)
	}
}

func TestAMembersPipelineThatIsBuiltDuringAReloadFollowsIt(t *testing.T) {
	for nth := range building {
		clk, at := meanwhile()
		r := made(t, cachedIn(5, 0), registry.WithClock(clk), registry.WithFuncs(funcs()))
		familyOf(t, r, "f").Get("a")
		texts, err := registry.Keyed[string](r, "f")
		require.NoError(t, err)
		at(nth, func() { apply(t, r, cachedIn(5, time.Second)) })
		l := texts.Get("a")
		assert.Contains(t, l.String(), "timeout(total, 1s)", "%d readings", nth)
	}
}

func TestPipelinesThatAreBuiltAtTheSameTimeShareACache(t *testing.T) {
	for nth := range building {
		clk, at := meanwhile()
		r := made(t, cachedIn(5, 0), registry.WithClock(clk), registry.WithFuncs(funcs()))
		ctx := withKey(t.Context(), "k")
		at(nth, func() {
			at(none, nil)
			_, err := liveOf(t, r, "p").Do(ctx, ok)
			assert.NoError(t, err)
		})
		v, err := liveOf(t, r, "outer").Do(ctx, down)
		require.NoError(t, err, "%d readings", nth)
		assert.Equal(t, 1, v)
	}
}

func TestAPipelineThatIsBuiltWhileAReloadTakesForceSharesTheCache(t *testing.T) {
	for n := range 1 + building { // the time of the state is read first
		clk, at := meanwhile()
		r := made(t, cachedIn(5, 0), registry.WithClock(clk), registry.WithFuncs(funcs()))
		l := liveOf(t, r, "p")
		var outer *registry.Live[int]
		at(n, func() {
			at(none, nil)
			outer = liveOf(t, r, "outer")
		})
		apply(t, r, cachedIn(6, 0))
		ctx := withKey(t.Context(), "k")
		_, err := outer.Do(ctx, ok)
		require.NoError(t, err)
		_, err = l.Do(ctx, down)
		assert.NoError(t, err, "%d readings", n)
	}
}

// The pipeline that is built from the older state is thrown away, and its cache too.
func TestAPipelineOfAnOlderStateDoesNotReplaceANewerCache(t *testing.T) {
	for nth := range building {
		clk, at := meanwhile()
		r := made(t, cachedIn(5, 0), registry.WithClock(clk), registry.WithFuncs(funcs()))
		ctx := withKey(t.Context(), "k")
		at(nth, func() {
			at(none, nil)
			apply(t, r, cachedIn(6, 0))
			_, err := liveOf(t, r, "p").Do(ctx, ok)
			assert.NoError(t, err)
		})
		l := liveOf(t, r, "p")
		_, err := l.Do(ctx, ok)
		require.NoError(t, err)
		apply(t, r, cachedIn(6, time.Minute))
		v, err := l.Do(ctx, down)
		require.NoError(t, err, "the cache has not changed")
		assert.Equal(t, 1, v)
	}
}

func TestGoroutinesThatAskAtTheSameTimeGetOneLive(t *testing.T) {
	for nth := range building {
		clk, at := meanwhile()
		r := made(t, cachedIn(5, 0), registry.WithClock(clk), registry.WithFuncs(funcs()))
		familyOf(t, r, "f").Get("a")
		texts, err := registry.Keyed[string](r, "f")
		require.NoError(t, err)
		for _, get := range []func() *registry.Live[string]{
			func() *registry.Live[string] { return texts.Get("a") },
			func() *registry.Live[string] {
				l, err := registry.Pipeline[string](r, "p")
				require.NoError(t, err)
				return l
			},
		} {
			var other *registry.Live[string]
			at(nth, func() {
				at(none, nil)
				other = get()
			})
			assert.Same(t, get(), other)
			assert.Same(t, other, get())
		}
	}
}

// A function given to Watch is called for changes that are in force, and no earlier: not
// for those that an Apply at the same time has only planned.
func TestWatchersAreNotCalledForChangesThatAreNotInForceYet(t *testing.T) {
	spec := func(n int) registry.Spec {
		s := stripe(breaker.Config{FailureThreshold: n})
		s.Pipelines["charge"] = registry.PipelineSpec{Circuit: "stripe", AttemptTimeout: time.Duration(n) * time.Hour}
		return s
	}
	r := made(t, spec(1), registry.WithClock(fake.NewClock()))
	l := liveOf(t, r, "charge")
	told := 1
	r.Watch(func(registry.Changes) {
		told++
		assert.GreaterOrEqual(t, int(timeoutOf(t, l).Hours()), told)
	})
	circuitOf(t, r, "stripe").Watch(func(breaker.Transition) {
		if n := circuitOf(t, r, "stripe").Config().FailureThreshold; n < 5 {
			apply(t, r, spec(n+1))
		}
	})
	apply(t, r, spec(2))
	assert.Equal(t, 5, told)
}

// Two states that are planned at the same time are put in force one after the other.
func TestAnApplyThatCommitsBetweenIsNotLost(t *testing.T) {
	clk, at := meanwhile()
	r := made(t, registry.Spec{}, registry.WithClock(clk))
	var told []registry.Changes
	r.Watch(func(c registry.Changes) { told = append(told, c) })
	at(0, func() { apply(t, r, shop()) })
	spec := shop()
	spec.Pipelines["refund"] = registry.PipelineSpec{}
	c := apply(t, r, spec)
	assert.Equal(t, registry.Changes{Added: []string{"pipelines.refund"}}, c)
	assert.Equal(t, []registry.Changes{{Added: []string{"circuits.stripe", "pipelines.charge"}}, c}, told)
	assert.EqualValues(t, 2, r.Snapshot().Revision)
	_, err := liveOf(t, r, "refund").Do(context.Background(), ok)
	assert.NoError(t, err)
}
