package fuzz_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
)

// thing is a value of a map that is idle or busy.
type thing struct {
	key     uint8
	busy    bool
	dropped bool
}

func (v *thing) Idle() bool { return !v.busy }

func FuzzKeyedConfig(f *testing.F) {
	for i, n := range edges {
		f.Add(n, edges[(i+3)%10], uint64(i), int64(i), i%2 == 0)
		f.Add(int64(i), int64(1e9), uint64(i), n, i%3 == 0)
	}
	f.Fuzz(func(t *testing.T, limit, idle int64, seed uint64, other int64, overflow bool) {
		clk := fake.NewClock()
		made, shared := map[uint8]int{}, 0
		cfg := keyed.Config[uint8, *thing]{
			Make: func(k uint8) *thing { made[k]++; return &thing{key: k} },
			Max:  int(limit), Idle: time.Duration(idle), Clock: clk,
			OnDrop: func(k uint8, v *thing) {
				require.Equal(t, k, v.key)
				require.False(t, v.dropped, "dropped twice")
				v.dropped = true
				made[k]--
			},
		}
		if overflow {
			cfg.Overflow = func() *thing { shared++; return &thing{busy: true} }
		}
		if !accepted(t, cfg.Validate(), func() { keyed.New(cfg) }) {
			return
		}
		m := keyed.New(cfg)
		useMap(t, m, clk, rand.New(rand.NewPCG(seed, 7)), made, int(limit))
		require.LessOrEqual(t, shared, 1, "the overflow value is made once")
		if changed := (keyed.Config[uint8, *thing]{Make: cfg.Make, Max: int(other), Idle: time.Duration(idle)}); changed.Validate() == nil {
			m.Reconfigure(int(other), time.Duration(idle))
		} else {
			require.Panics(t, func() { m.Reconfigure(int(other), time.Duration(idle)) })
		}
	})
}

// useMap uses a map at random. It requires the map to stay within its limit, to hold no
// value that it has dropped, and to hold every busy value.
func useMap(t *testing.T, m *keyed.Map[uint8, *thing], clk *fake.Clock, rnd *rand.Rand, made map[uint8]int, limit int) {
	t.Helper()
	if limit == 0 {
		limit = keyed.DefaultMax
	}
	busy := map[uint8]*thing{}
	for range 300 {
		k := uint8(1 + rnd.IntN(60)) // 0 is the key of the overflow value
		switch rnd.IntN(10) {
		case 0:
			clk.Advance(time.Duration(rnd.IntN(3)) * time.Second)
		case 1:
			_, was := m.Lookup(k)
			require.Equal(t, was, m.Forget(k))
			delete(busy, k)
		default:
			v := m.Get(k)
			require.False(t, v.dropped, "a value that was dropped before")
			if v.key == k && rnd.IntN(4) == 0 {
				v.busy = true
				busy[k] = v
			}
		}
		require.LessOrEqual(t, m.Len(), limit)
	}
	for k, v := range busy {
		got, ok := m.Lookup(k)
		require.True(t, ok && got == v, "the busy value of %d was dropped", k)
	}
	members := 0
	for k, v := range m.All() {
		require.False(t, v.dropped)
		require.Equal(t, 1, made[k], "values of %d", k)
		members++
	}
	require.Equal(t, m.Len(), members)
}
