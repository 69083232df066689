package keyed_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
)

func TestNewPanicsWithTheErrorOfValidate(t *testing.T) {
	for want, cfg := range map[string]config{
		"keyed: Config.Make is nil, want a function that returns the value for a key": {},
		"keyed: Config.Max is -1, want 0 for the default, 1024, or more":              {Make: makeThing, Max: -1},
		"keyed: Config.Idle is -1ns, want 0 for the default, 15m0s, or more":          {Make: makeThing, Idle: -1},
		"keyed: Config.Make is nil, want a function that returns the value for a key\n" +
			"keyed: Config.Max is -2, want 0 for the default, 1024, or more\n" +
			"keyed: Config.Idle is -1s, want 0 for the default, 15m0s, or more": {Max: -2, Idle: -time.Second},
	} {
		require.EqualError(t, cfg.Validate(), want)
		assert.PanicsWithError(t, want, func() { keyed.New(cfg) })
	}
}

func TestTheBoundsOfAConfigAreAllowed(t *testing.T) {
	for _, cfg := range []config{
		{Make: makeThing}, {Make: makeThing, Max: 1}, {Make: makeThing, Max: math.MaxInt},
		{Make: makeThing, Idle: 1}, {Make: makeThing, Idle: math.MaxInt64},
	} {
		require.NoError(t, cfg.Validate())
		m := keyed.New(cfg)
		assert.Same(t, m.Get("a"), m.Get("a"))
	}
}

func TestReconfigurePanicsWithTheErrorOfValidate(t *testing.T) {
	m := keyed.New(config{Make: func(string) *thing { return busy() }, Max: 1})
	assert.PanicsWithError(t, config{Make: makeThing, Max: -1, Idle: -1}.Validate().Error(), func() { m.Reconfigure(-1, -1) })
	assert.PanicsWithError(t, config{Make: makeThing, Idle: -1}.Validate().Error(), func() { m.Reconfigure(5, -1) })
	get(m, "a", "b")
	assert.Equal(t, 1, m.Len(), "Max is as it was")
}

func TestAConfigMarshalsWithoutItsFunctions(t *testing.T) {
	text, err := json.Marshal(config{
		Make: makeThing, Max: 3, Idle: time.Second, Overflow: idle, OnDrop: func(string, *thing) {}, Clock: fake.NewClock(),
	})
	require.NoError(t, err)
	assert.JSONEq(t, `{"Max": 3, "Idle": 1000000000}`, string(text))
}

// FuzzConfig checks that a config that Validate accepts works within its bounds, and that
// New panics with the error of Validate otherwise.
func FuzzConfig(f *testing.F) {
	f.Add(0, int64(0), uint64(0), []byte("abcabc"))
	f.Add(1, int64(1), uint64(1), []byte("aab\x00c"))
	f.Add(-1, int64(-1), uint64(1<<62), []byte("x"))
	f.Add(3, int64(time.Minute), uint64(time.Second), []byte("abcdabcdeffedcba"))
	f.Fuzz(func(t *testing.T, limit int, idleFor int64, step uint64, keys []byte) {
		clk := fake.NewClock()
		live := map[byte]int{}
		cfg := keyed.Config[byte, *thing]{Max: limit, Idle: time.Duration(idleFor), Clock: clk}
		cfg.Make = func(k byte) *thing {
			live[k]++
			v := idle()
			v.active.Store(k%3 == 0)
			return v
		}
		cfg.OnDrop = func(k byte, v *thing) {
			live[k]--
			assert.True(t, v.Idle())
		}
		over := busy()
		cfg.Overflow = func() *thing { return over }
		if err := cfg.Validate(); err != nil {
			require.PanicsWithError(t, err.Error(), func() { keyed.New(cfg) })
			return
		}
		m := keyed.New(cfg)
		if limit == 0 {
			limit = keyed.DefaultMax
		}
		for _, k := range keys {
			v := m.Get(k)
			member, ok := m.Lookup(k)
			require.Equal(t, v != over, ok)
			require.True(t, !ok || member == v)
			require.LessOrEqual(t, m.Len(), limit)
			clk.Advance(time.Duration(step % uint64(time.Hour)))
		}
		for k, n := range live {
			_, ok := m.Lookup(k)
			require.Equal(t, ok, n == 1, "%v was made and not dropped %d times", k, n)
		}
	})
}
