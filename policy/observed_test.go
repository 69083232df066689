package policy_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// each makes a policy of a function.
type each func(ctx context.Context, next policy.Call[int]) (int, error)

func (e each) Execute(ctx context.Context, next policy.Call[int]) (int, error) { return e(ctx, next) }

// thrice runs next up to three times.
func thrice(ctx context.Context, next policy.Call[int]) (int, error) {
	v, err := next.Do(ctx)
	for range 2 {
		if err != nil {
			v, err = next.Again(ctx)
		}
	}
	if err == nil {
		next.Emit(ctx, policy.Event{Kind: policy.Recovered, Policy: "thrice"})
	}
	return v, err
}

func finished(r *fake.Recorder) policy.Event {
	for _, e := range r.Events() {
		if e.Kind == policy.Finished {
			return e
		}
	}
	return policy.Event{}
}

func TestFinishedHasTheAttemptsAndTheRescuer(t *testing.T) {
	outer, inner := fake.NewRecorder(), fake.NewRecorder()
	in := policy.NewChain[int]("in", []policy.Listener{{Observe: inner.Observe, Kinds: []policy.EventKind{policy.Finished}}}, each(thrice))
	out := policy.NewChain[int]("out", []policy.Listener{{Observe: outer.Observe, Kinds: []policy.EventKind{policy.Finished}}}, policy.FallbackValue(7), in)
	v, err := out.Call(fake.NewFunc[int]().Fail(errDown, errDown).Return(3).Do).Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 3, v)
	assert.Equal(t, "thrice", finished(inner).Reason)
	assert.Equal(t, 3, finished(inner).Attempt)
	assert.Equal(t, "in", outer.Events()[0].Pipeline, "the inner pipeline's end reaches the outer observer too")
	last := outer.Events()[1]
	assert.Equal(t, []any{"out", "thrice", 3}, []any{last.Pipeline, last.Reason, last.Attempt})

	_, err = out.Call(fail(errDown)).Do(t.Context())
	require.NoError(t, err)
	last = outer.Events()[3]
	assert.Equal(t, []any{"out", "fallback", 3}, []any{last.Pipeline, last.Reason, last.Attempt})
	failed := inner.Events()[1]
	assert.Equal(t, []any{"", 3, errDown}, []any{failed.Reason, failed.Attempt, failed.Err}, "a failure was not rescued")
}

func TestParallelAttemptsAreCounted(t *testing.T) {
	rec := fake.NewRecorder()
	hedge := each(func(ctx context.Context, next policy.Call[int]) (int, error) {
		var all sync.WaitGroup
		for range 7 {
			all.Go(func() { _, _ = next.Again(ctx) })
		}
		v, err := next.Do(ctx)
		all.Wait()
		return v, err
	})
	chain := policy.NewChain[int]("p", hears(rec.Observe), hedge, policy.Timeout[int](time.Hour))
	for range 200 { // more than a block of records
		_, err := chain.Call(func(context.Context) (int, error) { return 1, nil }).Do(t.Context())
		require.NoError(t, err)
	}
	for _, e := range rec.Events() {
		if e.Kind == policy.Finished {
			assert.Equal(t, 8, e.Attempt)
		}
	}
}

// timing is a policy that measures how long the inner policies take.
func timing(took *[]time.Duration) policy.Policy[int] {
	return each(func(ctx context.Context, next policy.Call[int]) (int, error) {
		watch := next.Stopwatch(nil)
		v, err := next.Do(ctx)
		*took = append(*took, watch.Elapsed())
		return v, err
	})
}

func TestStopwatchNeverStartsFromAnOldReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := each(func(ctx context.Context, next policy.Call[int]) (int, error) {
			time.Sleep(time.Minute)
			return next.Do(ctx)
		})
		retrying := each(func(ctx context.Context, next policy.Call[int]) (int, error) {
			_, _ = next.Do(ctx)
			time.Sleep(time.Minute)
			return next.Again(ctx)
		})
		takes := func(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil }
		for name, c := range map[string]struct {
			outside []policy.Policy[int]
			want    []time.Duration
		}{
			"immediately":                   {nil, []time.Duration{time.Second}},
			"behind this module's policies": {[]policy.Policy[int]{policy.FallbackValue(7), policy.Timeout[int](time.Hour)}, []time.Duration{time.Second}},
			"behind a policy that waits":    {[]policy.Policy[int]{slow, policy.FallbackValue(7)}, []time.Duration{time.Second}},
			"behind a retry":                {[]policy.Policy[int]{retrying}, []time.Duration{time.Second, time.Second}},
			"in a chain behind a wait":      {[]policy.Policy[int]{stranger{slow}}, []time.Duration{time.Second}},
		} {
			var took []time.Duration
			chain := policy.NewChain("p", hears(fake.NewRecorder().Observe), append(c.outside, timing(&took))...)
			_, err := chain.Call(takes).Do(t.Context())
			require.NoError(t, err)
			assert.Equal(t, c.want, took, name)
		}
	})
}

func TestAnObservedChainInsideAUsersPolicyAllocatesNothing(t *testing.T) {
	noop := hears(func(context.Context, policy.Event) {})
	inner := policy.NewChain[int]("in", nil, policy.FallbackValue(7), policy.NewChain[int]("nested", nil, policy.FallbackValue(8)))
	ctx, fn := t.Context(), policy.Func[int](func(context.Context) (int, error) { return 1, nil })
	for name, listeners := range map[string][]policy.Listener{"observed": noop, "not observed": nil} {
		chain := policy.NewChain[int]("out", listeners, stranger{inner}, policy.FallbackValue(9))
		assert.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = chain.Call(fn).Do(ctx) }), name)
	}
	one := policy.WithKey("eu", policy.Policy[int](inner))
	keyed := policy.NewChain("out", noop, one)
	assert.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = keyed.Call(fn).Do(ctx) }), "a keyed member")
}

func TestASharedChainIsObservedInEachPlace(t *testing.T) {
	const places = 4
	inner := policy.NewChain[int]("in", nil, policy.FallbackValue(7))
	var wg sync.WaitGroup
	inside := make([]sync.WaitGroup, 100) // for each call, until it is in all places
	for i := range inside {
		inside[i].Add(places)
	}
	for range places {
		wg.Go(func() {
			rec := fake.NewRecorder()
			chain := policy.NewChain[int]("out", hears(rec.Observe), stranger{inner}, policy.FallbackValue(8))
			for i := range inside {
				v, err := chain.Call(func(context.Context) (int, error) {
					inside[i].Done()
					inside[i].Wait()
					return 0, errDown
				}).Do(context.Background())
				if v != 8 || err != nil {
					t.Errorf("got %d and %v, want the answer of the policy that follows the chain", v, err)
				}
			}
			assert.Len(t, rec.Events(), 600)
		})
	}
	wg.Wait()
}

func TestEventsOfAMemberCarryItsKey(t *testing.T) {
	rec := fake.NewRecorder()
	family := map[string]policy.Policy[int]{}
	for _, key := range []string{"eu", "us"} {
		family[key] = policy.WithKey(key, policy.Policy[int](policy.NewChain[int]("in", nil, policy.FallbackValue(7))))
	}
	pick := policy.Select(func(ctx context.Context) policy.Policy[int] { return family[ctx.Value(valueKey{}).(string)] })
	chain := policy.NewChain[int]("out", hears(rec.Observe), pick)
	for _, key := range []string{"eu", "us", "eu", "none"} {
		_, _ = chain.Call(fail(errDown)).Do(context.WithValue(t.Context(), valueKey{}, key))
	}
	var keys []string
	for _, e := range rec.Events() {
		if e.Kind == policy.FellBack {
			keys = append(keys, e.Key)
		}
		if e.Pipeline == "out" {
			assert.Empty(t, e.Key, "the family itself has no key")
		}
	}
	assert.Equal(t, []string{"eu", "us", "eu"}, keys)
	assert.Equal(t, "x", policy.CallOf(fail(nil)).Label(policy.Event{Key: "x"}).Key)
}

type valueKey struct{}

func TestObservedReportsOnlyTheWantedKinds(t *testing.T) {
	var wanted []bool
	look := each(func(ctx context.Context, next policy.Call[int]) (int, error) {
		wanted = append(wanted, next.Observed(policy.StateChanged), next.Observed(policy.Judged), next.Observed("of_my_own"))
		return next.Do(ctx)
	})
	for _, kinds := range [][]policy.EventKind{nil, {policy.StateChanged}, {"of_my_own", policy.Judged}} {
		rec := policy.Listener{Observe: func(context.Context, policy.Event) {}, Kinds: kinds}
		_, _ = policy.NewChain[int]("", []policy.Listener{rec}, look).Call(fail(nil)).Do(t.Context())
	}
	assert.Equal(t, []bool{true, true, true, true, false, false, false, true, true}, wanted)
}

// refusing is a policy that would refuse a call.
type refusing struct {
	each
	err error
}

func (r refusing) Refusal(context.Context, time.Duration) error { return r.err }

func TestRefusalStopsAtAPolicyThatMightRescueTheCall(t *testing.T) {
	no := refusing{err: errors.New("no")}
	yes := refusing{}
	chain := func(p ...policy.Policy[int]) policy.Policy[int] { return policy.NewChain("", nil, p...) }
	selecting := func(p policy.Policy[int]) policy.Policy[int] {
		return policy.Select(func(context.Context) policy.Policy[int] { return p })
	}
	check := policy.Check(func(_ int, err error) error { return err })
	for name, c := range map[string]struct {
		inside []policy.Policy[int]
		want   error
	}{
		"nothing":                               {nil, nil},
		"a refusal":                             {[]policy.Policy[int]{no}, no.err},
		"behind policies that pass it on":       {[]policy.Policy[int]{yes, policy.Timeout[int](1), check, no}, no.err},
		"behind a fallback":                     {[]policy.Policy[int]{policy.FallbackValue(7), no}, nil},
		"behind a user's policy":                {[]policy.Policy[int]{stranger{no}, no}, nil},
		"in a chain":                            {[]policy.Policy[int]{chain(yes, no)}, no.err},
		"selected":                              {[]policy.Policy[int]{selecting(no)}, no.err},
		"selected in a chain":                   {[]policy.Policy[int]{selecting(chain(yes, no))}, no.err},
		"behind a selected one":                 {[]policy.Policy[int]{selecting(yes), no}, no.err},
		"behind none":                           {[]policy.Policy[int]{selecting(nil), no}, no.err},
		"behind a selected fallback":            {[]policy.Policy[int]{selecting(policy.FallbackValue(7)), no}, nil},
		"behind a fallback in a selected chain": {[]policy.Policy[int]{selecting(chain(policy.FallbackValue(7))), no}, nil},
		"a member":                              {[]policy.Policy[int]{policy.WithKey("eu", policy.Policy[int](no))}, no.err},
	} {
		var got error
		asks := each(func(ctx context.Context, next policy.Call[int]) (int, error) {
			got = next.Refusal(ctx, time.Second)
			return 0, nil
		})
		for _, listeners := range [][]policy.Listener{nil, hears(fake.NewRecorder().Observe)} {
			_, err := policy.NewChain("", listeners, append([]policy.Policy[int]{asks}, c.inside...)...).Call(fail(nil)).Do(t.Context())
			require.NoError(t, err)
			assert.Equal(t, c.want, got, name)
		}
	}
	assert.NoError(t, policy.CallOf(fail(nil)).Refusal(t.Context(), 1))
}

func TestCheckSeesEveryResult(t *testing.T) {
	bad := errors.New("status 503")
	check := policy.Check(func(v int, err error) error {
		if v == 503 {
			return bad
		}
		return err
	})
	v, err := check.Do(t.Context(), func(context.Context) (int, error) { return 503, nil })
	assert.Equal(t, 503, v)
	assert.Equal(t, bad, err)
	_, err = check.Do(t.Context(), fail(errDown))
	assert.Equal(t, errDown, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, p := range []interface {
		Do(context.Context, policy.Func[int]) (int, error)
	}{check, policy.Select(func(context.Context) policy.Policy[int] { return nil })} {
		_, err = p.Do(ctx, func(context.Context) (int, error) { t.Error("the function ran under an ended context"); return 0, nil })
		assert.ErrorIs(t, err, context.Canceled)
	}
}

// Something takes time between the pipeline's clock reading and a timeout. The
// timeout's limit must begin when the call reaches it.
func TestTimeBeforeATimeoutIsNotPartOfItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waits := func(inner policy.Policy[int]) policy.Policy[int] {
			return each(func(ctx context.Context, next policy.Call[int]) (int, error) {
				time.Sleep(time.Minute)
				return inner.Execute(ctx, next)
			})
		}
		limit := policy.Timeout[int](time.Second)
		for name, p := range map[string]policy.Policy[int]{
			"a policy that waits and passes its call on": waits(limit),
			"a slow choose":                  policy.Select(func(context.Context) policy.Policy[int] { time.Sleep(time.Minute); return limit }),
			"a member":                       waits(policy.WithKey("eu", policy.Policy[int](limit))),
			"a policy that embeds a Timeout": embedding{limit},
		} {
			for _, slow := range []time.Duration{0, time.Minute} { // observers of Started
				observer := hears(func(_ context.Context, e policy.Event) {
					if e.Kind == policy.Started {
						time.Sleep(slow)
					}
				})
				v, err := policy.NewChain("p", observer, p).Call(func(ctx context.Context) (int, error) { return 1, ctx.Err() }).Do(t.Context())
				require.NoError(t, err, name)
				assert.Equal(t, 1, v, name)
			}
		}
	})
}

// embedding is a user's policy that embeds one of this module's.
type embedding struct{ *policy.TimeoutPolicy[int] }

func (e embedding) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	time.Sleep(time.Minute)
	return e.TimeoutPolicy.Execute(ctx, next)
}

func TestElapsedIncludesTheTimeAfterAnInnerPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := fake.NewRecorder()
		var took []time.Duration
		works := each(func(ctx context.Context, next policy.Call[int]) (int, error) {
			v, err := timing(&took).Execute(ctx, next)
			time.Sleep(time.Minute)
			return v, err
		})
		_, err := policy.NewChain("p", hears(rec.Observe), policy.Policy[int](works)).Call(func(context.Context) (int, error) { return 1, nil }).Do(t.Context())
		require.NoError(t, err)
		assert.Equal(t, time.Minute, finished(rec).Elapsed)
	})
}

func TestFinishedFollowsAPanicInAnObserverOfStarted(t *testing.T) {
	rec := fake.NewRecorder()
	panics := func(_ context.Context, e policy.Event) {
		if e.Kind == policy.Started {
			panic("boom")
		}
	}
	chain := policy.NewChain[int]("p", []policy.Listener{{Observe: rec.Observe}, {Observe: panics}})
	assert.PanicsWithValue(t, "boom", func() { _, _ = chain.Call(fail(nil)).Do(t.Context()) })
	require.Len(t, rec.Events(), 2)
	assert.Equal(t, policy.ErrNoReturn, rec.Events()[1].Err)
}

func TestAChainSharedByMembersIsLinkedOncePerMember(t *testing.T) {
	shared := policy.NewChain[int]("in", nil, policy.FallbackValue(7))
	members := []policy.Policy[int]{policy.WithKey("a", policy.Policy[int](shared)), policy.WithKey("b", policy.Policy[int](shared))}
	n := 0
	pick := policy.Select(func(context.Context) policy.Policy[int] { n++; return members[n%2] })
	chain := policy.NewChain("out", hears(func(context.Context, policy.Event) {}), policy.Policy[int](pick))
	ctx, fn := t.Context(), policy.Func[int](func(context.Context) (int, error) { return 1, nil })
	assert.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = chain.Call(fn).Do(ctx) }))
}

func TestSelectTakesANilPointerForNoPolicy(t *testing.T) {
	v, err := policy.Select(func(context.Context) policy.Policy[int] { return (*policy.TimeoutPolicy[int])(nil) }).
		Do(t.Context(), func(context.Context) (int, error) { return 1, nil })
	require.NoError(t, err)
	assert.Equal(t, 1, v)
}
