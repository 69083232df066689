package policy_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
)

// named emits its name and runs the rest of the call.
type named string

func (n named) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	next.Emit(ctx, policy.Event{Kind: "passed", Name: string(n)})
	return next.Do(ctx)
}

func one(context.Context) (int, error) { return 1, nil }

func passed(into *[]string) []policy.Listener {
	return []policy.Listener{{Observe: func(_ context.Context, e policy.Event) {
		*into = append(*into, e.Pipeline+"/"+e.Key+"/"+e.Name)
	}, Kinds: []policy.EventKind{"passed"}}}
}

func TestASwitchRunsCallsThroughTheChainThatWasSetLast(t *testing.T) {
	var got []string
	s := policy.NewSwitch(policy.NewChain("one", passed(&got), policy.Policy[int](named("a"))))
	outer := policy.NewChain("outer", nil, policy.Policy[int](named("x")), s, named("y"))
	ctx := context.Background()
	for _, call := range []policy.Call[int]{s.Call(one), outer.Call(one)} {
		v, err := call.Do(ctx)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
	}
	s.Set(policy.NewChain("two", passed(&got), policy.Policy[int](named("b")), named("c")))
	for _, call := range []policy.Call[int]{s.Call(one), outer.Call(one)} {
		_, _ = call.Do(ctx)
	}
	assert.Equal(t, []string{"one//a", "one//a", "two//b", "two//c", "two//b", "two//c"}, got)
	assert.Equal(t, "policy_test.named > policy_test.named", policy.Describe(s).String())
}

func TestACallEndsWithTheChainThatItBeganWith(t *testing.T) {
	var got []string
	s := policy.NewSwitch[int](policy.NewChain("", nil, policy.Policy[int](named(""))))
	replace := replacing{func() { s.Set(policy.NewChain[int]("new", passed(&got), named("n"))) }}
	s.Set(policy.NewChain("old", passed(&got), policy.Policy[int](named("a")), replace, named("b")))
	_, _ = s.Call(one).Do(context.Background())
	_, _ = s.Call(one).Do(context.Background())
	assert.Equal(t, []string{"old//a", "old//b", "new//n"}, got)
}

type replacing struct{ replace func() }

func (r replacing) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	r.replace()
	return next.Do(ctx)
}

func TestEventsOfAChainWithAKeyCarryIt(t *testing.T) {
	var got, around []string
	inner := policy.NewChain("inner", nil, policy.Policy[int](named("b")))
	c := policy.NewChain("hosts", passed(&got), policy.Policy[int](named("a")), inner).WithKey("k")
	outer := policy.NewChain("outer", passed(&around), policy.Policy[int](policy.NewSwitch(c)), named("y"))
	_, _ = c.Call(one).Do(context.Background())
	assert.Equal(t, []string{"hosts/k/a", "inner/k/b"}, got)
	_, _ = outer.Call(one).Do(context.Background())
	assert.Equal(t, []string{"hosts/k/a", "inner/k/b", "outer//y"}, around)
	assert.Equal(t, "hosts", c.Name())
}

func TestASwitchInSeveralObservedChainsAllocatesNothing(t *testing.T) {
	var events int
	count := []policy.Listener{{Observe: func(context.Context, policy.Event) { events++ }, Kinds: []policy.EventKind{"passed"}}}
	s := policy.NewSwitch(policy.NewChain("inner", count, policy.Policy[int](named("a"))))
	var outer []*policy.Chain[int]
	for range 3 {
		outer = append(outer, policy.NewChain[int]("outer", count, s, named("b")))
	}
	outer = append(outer, policy.NewChain("keyed", count, policy.WithKey[int]("k", s), named("b")))
	ctx := context.Background()
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		for _, c := range outer {
			_, _ = c.Call(one).Do(ctx)
		}
		_, _ = s.Call(one).Do(ctx)
	}))
	assert.Equal(t, 101*(4*3+1), events)
}

func TestASwitchInMoreChainsThanItRemembersStillWorks(t *testing.T) {
	var got []string
	s := policy.NewSwitch(policy.NewChain("inner", passed(&got), policy.Policy[int](named("a"))))
	for range 2 {
		for range 40 {
			got = got[:0]
			_, err := policy.NewChain[int]("outer", passed(&got), s, named("b")).Call(one).Do(context.Background())
			require.NoError(t, err)
			assert.Equal(t, []string{"inner//a", "inner//a", "outer//b"}, got)
		}
	}
}

func TestASwitchAsksTheCurrentChainForARefusal(t *testing.T) {
	refused := errors.New("refused")
	s := policy.NewSwitch(policy.NewChain[int]("", nil))
	assert.NoError(t, s.Refusal(context.Background(), 0))
	s.Set(policy.NewChain[int]("", nil, refusing{err: refused}))
	assert.Equal(t, refused, s.Refusal(context.Background(), 0))
}
