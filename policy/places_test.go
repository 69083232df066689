package policy_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestASwitchRunsACallWithoutPoliciesThroughItsChain(t *testing.T) {
	var got []string
	s := policy.NewSwitch(policy.NewChain("inner", passed(&got), policy.Policy[int](named("a"))))
	runs := 0
	v, err := s.Execute(t.Context(), policy.CallOf(func(context.Context) (int, error) { runs++; return 1, nil }))
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	assert.Equal(t, 1, runs)
	assert.Equal(t, []string{"inner//a"}, got)
}

func TestAMemberWithASwitchRunsTheChainThatWasSetLast(t *testing.T) {
	var got []string
	s := policy.NewSwitch(policy.NewChain("one", nil, policy.Policy[int](named("a"))))
	outer := policy.NewChain("out", passed(&got), policy.WithKey[int]("k", s))
	_, _ = outer.Call(one).Do(t.Context())
	s.Set(policy.NewChain("two", nil, policy.Policy[int](named("b"))))
	_, _ = outer.Call(one).Do(t.Context())
	_, _ = outer.Call(one).Do(t.Context())
	assert.Equal(t, []string{"one/k/a", "two/k/b", "two/k/b"}, got)
}

func TestManyMembersWithOneSwitchAllocateNothing(t *testing.T) {
	var got []string
	s := policy.NewSwitch(policy.NewChain("in", nil, policy.Policy[int](policy.FallbackValue(7))))
	members := make([]policy.Policy[int], 40)
	for i := range members {
		members[i] = policy.WithKey[int](fmt.Sprint(i), s)
	}
	n := 0
	pick := policy.Select(func(context.Context) policy.Policy[int] { n++; return members[n%len(members)] })
	chain := policy.NewChain("out", passed(&got), policy.Policy[int](pick))
	ctx, fn := t.Context(), policy.Func[int](one)
	for range members {
		_, _ = chain.Call(fn).Do(ctx)
	}
	assert.Zero(t, testing.AllocsPerRun(200, func() { _, _ = chain.Call(fn).Do(ctx) }))
}

func TestAMemberInTwoChainsIsObservedInEach(t *testing.T) {
	var first, second []string
	m := policy.WithKey("k", policy.Policy[int](named("a")))
	chains := []*policy.Chain[int]{policy.NewChain("1", passed(&first), m, named("b")), policy.NewChain("2", passed(&second), m)}
	for range 2 {
		for _, c := range chains {
			_, _ = c.Call(one).Do(t.Context())
		}
	}
	assert.Equal(t, []string{"1/k/a", "1//b", "1/k/a", "1//b"}, first)
	assert.Equal(t, []string{"2/k/a", "2/k/a"}, second)
}

// A keyed policy is made once, for all pipelines, and so is a pipeline that a Select chooses.
func TestAPolicyInSeveralChainsAllocatesNothing(t *testing.T) {
	events := 0
	count := []policy.Listener{{Observe: func(context.Context, policy.Event) { events++ }, Kinds: []policy.EventKind{"passed"}}}
	inner := policy.NewChain("in", count, policy.Policy[int](named("a")))
	for name, p := range map[string]policy.Policy[int]{
		"a member":              policy.WithKey("k", policy.Policy[int](named("a"))),
		"a chain of a member":   policy.WithKey[int]("k", inner),
		"a chain behind others": policy.Select(func(context.Context) policy.Policy[int] { return inner }),
	} {
		chains := []*policy.Chain[int]{policy.NewChain("alone", nil, p)}
		for range 3 {
			chains = append(chains, policy.NewChain("out", count, p, named("b")))
		}
		ctx, fn := t.Context(), policy.Func[int](one)
		assert.Zero(t, testing.AllocsPerRun(100, func() {
			for _, c := range chains {
				_, _ = c.Call(fn).Do(ctx)
			}
		}), name)
	}
	assert.Positive(t, events)
}

func TestAChainThatIsTheLastPolicyIsObservedFromOutside(t *testing.T) {
	var got []string
	inner := policy.NewChain("in", nil, policy.Policy[int](named("a")))
	_, err := policy.NewChain[int]("out", passed(&got), stranger{inner}).Call(one).Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"in//a"}, got)
}

func TestACallbackGetsThePipelineAndTheKeyWithoutAnObserver(t *testing.T) {
	var got policy.Event
	labels := each(func(ctx context.Context, next policy.Call[int]) (int, error) {
		got = next.Label(policy.Event{Kind: "mine"})
		return next.Do(ctx)
	})
	inner := policy.NewChain[int]("in", nil, labels)
	_, err := policy.NewChain("out", nil, policy.WithKey("k", policy.Policy[int](inner))).Call(one).Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, policy.Event{Kind: "mine", Pipeline: "in", Key: "k"}, got)
	_, err = inner.Call(one).Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, policy.Event{Kind: "mine", Pipeline: "in"}, got)
}

func TestAnObserverOfFinishedAloneGetsTheTimeOfEachPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := fake.NewRecorder()
		only := []policy.Listener{{Observe: rec.Observe, Kinds: []policy.EventKind{policy.Finished}}}
		inner := policy.NewChain[int]("in", nil, policy.FallbackValue(7))
		waits := each(func(ctx context.Context, next policy.Call[int]) (int, error) {
			time.Sleep(time.Minute)
			return inner.Execute(ctx, next)
		})
		_, err := policy.NewChain[int]("out", only, policy.FallbackValue(8), waits).Call(func(context.Context) (int, error) {
			time.Sleep(time.Second)
			return 1, nil
		}).Do(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []policy.Event{
			{Kind: policy.Finished, Pipeline: "in", Attempt: 1, Elapsed: time.Second},
			{Kind: policy.Finished, Pipeline: "out", Attempt: 1, Elapsed: time.Minute + time.Second},
		}, rec.Events())
	})
}

func TestAFailureAfterARescueHasNoRescuer(t *testing.T) {
	rec := fake.NewRecorder()
	refuses := policy.Check(func(int, error) error { return errDown })
	_, err := policy.NewChain[int]("p", hears(rec.Observe), refuses, each(thrice)).Call(fake.NewFunc[int]().Fail(errDown).Return(1).Do).Do(t.Context())
	require.ErrorIs(t, err, errDown)
	assert.Equal(t, policy.Event{Kind: policy.Finished, Pipeline: "p", Attempt: 2, Err: errDown}, timeless(finished(rec)))
}

func timeless(e policy.Event) policy.Event { e.Elapsed = 0; return e }

// A chain directly in another is flattened, and one behind a policy is not. Both keep their keys.
func TestAKeyedChainKeepsItsKeyInsideAnother(t *testing.T) {
	inner := policy.NewChain("in", nil, policy.Policy[int](named("a"))).WithKey("k")
	for name, nested := range map[string]policy.Policy[int]{
		"directly":        inner,
		"in a chain":      policy.NewChain[int]("", nil, inner),
		"behind a policy": policy.Select(func(context.Context) policy.Policy[int] { return inner }),
	} {
		for _, key := range []string{"", "outer"} {
			var got []string
			_, err := policy.NewChain("out", passed(&got), nested, named("b")).WithKey(key).Call(one).Do(t.Context())
			require.NoError(t, err, name)
			assert.Equal(t, []string{"in/k/a", "out/" + key + "/b"}, got, name)
		}
	}
}
