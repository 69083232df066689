package keyed_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
)

func TestOnDropIsCalledOnceForEachMemberThatLeaves(t *testing.T) {
	clk := fake.NewClock()
	var dropped []string
	m := keyed.New(config{Make: makeThing, Max: 3, Clock: clk, OnDrop: func(k string, v *thing) {
		assert.Equal(t, k, v.key)
		dropped = append(dropped, k)
	}})
	get(m, "a", "b", "c", "d")
	assert.Equal(t, []string{"a"}, dropped)
	m.Forget("c")
	clk.Advance(time.Hour)
	get(m, "d", "e")
	assert.Equal(t, []string{"a", "c", "b"}, dropped)
	clk.Advance(time.Hour)
	get(m, "f")
	assert.Equal(t, []string{"a", "c", "b", "d", "e"}, dropped, "least recently used first")
}

func TestOnDropMayUseTheMap(t *testing.T) {
	var m *keyed.Map[string, *thing]
	calls := 0
	m = keyed.New(config{Make: makeThing, Max: 2, OnDrop: func(k string, _ *thing) {
		if calls++; calls > 3 {
			return
		}
		_, ok := m.Lookup(k)
		assert.False(t, ok)
		assert.LessOrEqual(t, m.Len(), 2)
		m.Forget("x")
		m.Reconfigure(2, time.Minute)
		get(m, "c", k)
	}})
	get(m, "a", "b", "c")
	assert.Equal(t, 2, m.Len())
	assert.Equal(t, 4, calls)
}

func TestAPanicInOnDropDoesNotPreventTheOtherCalls(t *testing.T) {
	clk := fake.NewClock()
	var dropped []string
	m := keyed.New(config{Make: makeThing, Clock: clk, OnDrop: func(k string, _ *thing) {
		dropped = append(dropped, k)
		panic(k)
	}})
	get(m, "a", "b", "c")
	clk.Advance(time.Hour)
	assert.PanicsWithValue(t, "c", func() { m.Get("d") })
	assert.Equal(t, []string{"a", "b", "c"}, dropped)
	assert.Equal(t, []string{"d"}, keysOf(m), "the new member is in place")
	assert.PanicsWithValue(t, "d", func() { m.Forget("d") })
	assert.Zero(t, m.Len())
}

func TestOnDropIsCalledEvenIfMakePanics(t *testing.T) {
	var dropped []string
	m := keyed.New(config{Max: 1, Make: func(k string) *thing {
		if k == "b" {
			panic("no b")
		}
		return makeThing(k)
	}, OnDrop: func(k string, _ *thing) { dropped = append(dropped, k) }})
	get(m, "a")
	assert.PanicsWithValue(t, "no b", func() { m.Get("b") })
	assert.Equal(t, []string{"a"}, dropped)
	get(m, "c", "d")
	assert.Equal(t, []string{"a", "c"}, dropped)
	assert.Equal(t, []string{"d"}, keysOf(m))
}

// asker is a value whose Idle does what a test says.
type asker struct{ idle func() bool }

func (a *asker) Idle() bool { return a.idle() }

type askerMap = keyed.Map[string, *asker]

// askers returns a map that is full, and whose members call idle in Idle.
func askers(limit int, idle func(m *askerMap) bool, keys ...string) *askerMap {
	var m *askerMap
	m = keyed.New(keyed.Config[string, *asker]{Max: limit, Make: func(string) *asker {
		return &asker{idle: func() bool { return idle(m) }}
	}, Overflow: func() *asker { return &asker{} }})
	for _, k := range keys {
		m.Get(k)
	}
	return m
}

func TestIdleMayUseTheMap(t *testing.T) {
	m := askers(2, func(m *askerMap) bool {
		m.Get("b")
		_, ok := m.Lookup("a")
		assert.True(t, ok)
		return m.Len() == 2
	}, "a", "b")
	m.Get("c")
	assert.Equal(t, []string{"b", "c"}, keysOf(m))
}

func TestAPanicInIdleLeavesTheMapAsItWas(t *testing.T) {
	broken := true
	m := askers(1, func(*askerMap) bool {
		if broken {
			panic("idle")
		}
		return true
	}, "a")
	for range 3 {
		assert.PanicsWithValue(t, "idle", func() { m.Get("b") })
		assert.Equal(t, []string{"a"}, keysOf(m))
	}
	broken = false
	m.Get("b")
	assert.Equal(t, []string{"b"}, keysOf(m))
}

// A drop calls Idle twice. The use happens during the second call.
func TestAUseDuringADropKeepsTheMember(t *testing.T) {
	asked := 0
	m := askers(1, func(m *askerMap) bool {
		if asked++; asked == 2 {
			m.Get("a")
		}
		return true
	}, "a")
	a := m.Get("a")
	got := m.Get("b")
	assert.Nil(t, got.idle, "b is served by the overflow")
	v, ok := m.Lookup("a")
	require.True(t, ok)
	assert.Same(t, a, v)
	assert.Equal(t, []string{"a"}, keysOf(m))
	m.Get("b")
	assert.Equal(t, []string{"b"}, keysOf(m))
}

func TestAMemberThatBecomesBusyBeforeItIsDroppedStays(t *testing.T) {
	asked := 0
	m := askers(1, func(*askerMap) bool {
		asked++
		return asked != 2
	}, "a")
	m.Get("b")
	assert.Equal(t, []string{"a"}, keysOf(m))
	assert.Equal(t, 2, asked)
}

func TestAMemberThatIsForgottenDuringIdleIsDroppedOnce(t *testing.T) {
	var dropped []string
	var m *keyed.Map[string, *asker]
	m = keyed.New(keyed.Config[string, *asker]{Max: 1, Make: func(k string) *asker {
		return &asker{idle: func() bool {
			m.Forget(k)
			return true
		}}
	}, OnDrop: func(k string, _ *asker) { dropped = append(dropped, k) }})
	m.Get("a")
	m.Get("b")
	assert.Equal(t, []string{"a"}, dropped)
	assert.Equal(t, []string{"b"}, keysOf(m))
}

// Another insertion drops every candidate first. The members that it adds are idle, so
// this insertion finds room.
func TestAnInsertionLooksAgainIfAnotherDropsItsCandidates(t *testing.T) {
	nested := false
	m := askers(1, func(m *askerMap) bool {
		if !nested {
			nested = true
			m.Get("c")
			m.Get("c")
		}
		return true
	}, "a")
	m.Get("b")
	assert.Equal(t, []string{"b"}, keysOf(m))
}
