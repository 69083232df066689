package keyed_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/keyed"
)

// modelMember is a member of the model.
type modelMember struct {
	key   string
	value *thing
	used  time.Time
}

// model is a Map of at most 32 members, written as a list.
type model struct {
	members []modelMember // least recently used first
	limit   int
	idleFor time.Duration
	over    *thing
	dropped []string
}

func (o *model) index(k string) int {
	return slices.IndexFunc(o.members, func(e modelMember) bool { return e.key == k })
}

// get returns the value of k. The value of a new member is made.
func (o *model) get(k string, now time.Time, made map[string]*thing) *thing {
	if i := o.index(k); i >= 0 {
		e := o.members[i]
		e.used = now
		o.members = append(slices.Delete(o.members, i, i+1), e)
		return e.value
	}
	before := len(o.dropped)
	for i := 0; i < len(o.members); {
		e := o.members[i]
		wanted := now.Sub(e.used) >= o.idleFor || len(o.members)+1 > o.limit
		if wanted && !e.value.active.Load() {
			o.drop(i)
			continue
		}
		i++
	}
	if len(o.members) >= o.limit && len(o.dropped) == before {
		return o.over
	}
	o.members = append(o.members, modelMember{k, made[k], now})
	return made[k]
}

func (o *model) drop(i int) {
	o.dropped = append(o.dropped, o.members[i].key)
	o.members = slices.Delete(o.members, i, i+1)
}

func (o *model) forget(k string) bool {
	i := o.index(k)
	if i >= 0 {
		o.drop(i)
	}
	return i >= 0
}

func (o *model) keys() []string {
	var keys []string
	for _, e := range o.members {
		keys = append(keys, e.key)
	}
	slices.Sort(keys)
	return keys
}

// Map and model take the same random steps.
func TestASmallMapBehavesLikeAList(t *testing.T) {
	for seed := range raced.Or[uint64](60, 200) {
		compare(t, seed)
	}
}

func compare(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 11))
	clk, made := fake.NewClock(), map[string]*thing{}
	o := &model{limit: 1 + rng.IntN(32), idleFor: time.Minute, over: busy()}
	var dropped []string
	m := keyed.New(config{
		Make: func(k string) *thing {
			made[k] = makeThing(k)
			return made[k]
		},
		Max: o.limit, Idle: o.idleFor, Clock: clk,
		Overflow: func() *thing { return o.over },
		OnDrop:   func(k string, _ *thing) { dropped = append(dropped, k) },
	})
	keys := 1 + rng.IntN(2*o.limit)
	for step := range 300 {
		k := fmt.Sprint(rng.IntN(keys))
		at := fmt.Sprintf("seed %d, step %d, key %s", seed, step, k)
		switch rng.IntN(12) {
		case 0:
			clk.Advance(time.Duration(rng.Int64N(int64(o.idleFor))))
		case 1:
			require.Equal(t, o.forget(k), m.Forget(k), at)
		case 2:
			o.limit, o.idleFor = 1+rng.IntN(32), time.Duration(1+rng.Int64N(int64(2*time.Minute)))
			m.Reconfigure(o.limit, o.idleFor)
		case 3, 4:
			if v, ok := m.Lookup(k); ok {
				v.active.Store(rng.IntN(2) == 0)
			}
		default:
			got := m.Get(k)
			require.Same(t, o.get(k, clk.Now(), made), got, at)
		}
		i := o.index(k)
		v, ok := m.Lookup(k)
		require.Equal(t, i >= 0, ok, at)
		require.True(t, i < 0 || o.members[i].value == v, at)
		require.Equal(t, o.keys(), keysOf(m), at)
		require.Equal(t, len(o.members), m.Len(), at)
		require.Equal(t, o.dropped, dropped, at)
	}
}

// The map stays within its bounds and drops no busy member, whatever its size.
func TestALargeMapKeepsItsBounds(t *testing.T) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 12))
		clk, over := fake.NewClock(), busy()
		limit := 33 + rng.IntN(300)
		live := map[int]*thing{}
		m := keyed.New(keyed.Config[int, *thing]{
			Make: func(k int) *thing {
				require.NotContains(t, live, k, "made while there is one, seed %d", seed)
				live[k] = idle()
				return live[k]
			},
			Max: limit, Clock: clk, Overflow: func() *thing { return over },
			OnDrop: func(k int, v *thing) {
				require.Same(t, live[k], v)
				require.False(t, v.active.Load(), "busy, seed %d", seed)
				delete(live, k)
			},
		})
		for range 3000 {
			k := rng.IntN(3 * limit)
			if v := m.Get(k); v != over {
				v.active.Store(rng.IntN(4) > 0)
				require.Same(t, live[k], v)
			}
			if rng.IntN(100) == 0 {
				clk.Advance(time.Minute)
			}
			require.LessOrEqual(t, m.Len(), limit)
			require.Len(t, live, m.Len())
		}
	}
}
