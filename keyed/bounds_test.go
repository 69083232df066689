package keyed_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
)

func TestForgetDropsMembersThatAreNotIdle(t *testing.T) {
	var dropped []string
	m := keyed.New(config{Make: makeThing, OnDrop: func(k string, v *thing) {
		assert.Equal(t, k, v.key)
		dropped = append(dropped, k)
	}})
	a := m.Get("a")
	a.active.Store(true)
	assert.False(t, m.Forget("b"))
	assert.True(t, m.Forget("a"))
	assert.False(t, m.Forget("a"))
	assert.Equal(t, []string{"a"}, dropped)
	assert.Zero(t, m.Len())
	assert.Empty(t, keysOf(m))
	assert.NotSame(t, a, m.Get("a"))
}

func TestALowerMaxIsReachedByLaterInsertions(t *testing.T) {
	m := keyed.New(config{Make: makeThing, Max: 10})
	get(m, "a", "b", "c", "d")
	m.Reconfigure(2, 0)
	assert.Equal(t, 4, m.Len())
	m.Get("b").active.Store(true)
	get(m, "e")
	assert.Equal(t, []string{"b", "e"}, keysOf(m))
}

func TestAMapFarAboveALowerMaxShrinksWithEachInsertion(t *testing.T) {
	m := keyed.New(keyed.Config[int, *thing]{Make: func(int) *thing { return idle() }})
	for i := range 1000 {
		m.Get(i)
	}
	m.Reconfigure(10, 0)
	for i := range 40 {
		before := m.Len()
		m.Get(-1 - i)
		_, ok := m.Lookup(-1 - i)
		assert.True(t, ok)
		assert.LessOrEqual(t, m.Len(), max(10, before-31))
	}
	assert.Equal(t, 10, m.Len())
}

func TestReconfigureChangesIdleAtOnce(t *testing.T) {
	clk := fake.NewClock()
	m := keyed.New(config{Make: makeThing, Clock: clk})
	get(m, "a")
	clk.Advance(time.Minute)
	m.Reconfigure(0, time.Minute)
	get(m, "b")
	assert.Equal(t, []string{"b"}, keysOf(m))
	m.Reconfigure(0, 0)
	clk.Advance(keyed.DefaultIdle - 1)
	get(m, "c")
	assert.Equal(t, []string{"b", "c"}, keysOf(m))
}

func TestTheDefaultMaxIs1024(t *testing.T) {
	for _, reconfigured := range []bool{false, true} {
		m := keyed.New(keyed.Config[int, *thing]{Make: func(int) *thing { return busy() }})
		if reconfigured {
			m.Reconfigure(7, time.Second)
			m.Reconfigure(0, 0)
		}
		for i := range 1100 {
			m.Get(i)
		}
		assert.Equal(t, 1024, m.Len())
	}
}

// A large map is not exact, but never drops a member that was just used.
func TestALargeMapDropsAmongTheLeastRecentlyUsed(t *testing.T) {
	const limit = 1000
	m := keyed.New(keyed.Config[int, *thing]{Make: func(int) *thing { return idle() }, Max: limit})
	for i := range limit {
		m.Get(i)
	}
	for round := range 10 * limit {
		for hot := range 20 { // used more often than there are insertions
			m.Get(hot)
		}
		m.Get(limit + round)
		for hot := range 20 {
			_, ok := m.Lookup(hot)
			require.True(t, ok, "%d, in round %d", hot, round)
		}
	}
	assert.Equal(t, limit, m.Len())
}

// The 32 members that an insertion looks at are all busy. Later insertions look at the
// others.
func TestBusyMembersAtTheFrontDoNotHideIdleOnes(t *testing.T) {
	const limit = 200
	m := keyed.New(keyed.Config[int, *thing]{Make: func(k int) *thing {
		v := idle()
		v.active.Store(k != limit-1)
		return v
	}, Max: limit})
	for i := range limit {
		m.Get(i)
	}
	for i := range limit/32 + 1 {
		m.Get(-1 - i)
	}
	_, ok := m.Lookup(limit - 1)
	assert.False(t, ok, "the one idle member has been found")
	assert.Equal(t, limit, m.Len())
}

func TestAnInsertionLooksAt32Members(t *testing.T) {
	all := map[int]*thing{}
	m := keyed.New(keyed.Config[int, *thing]{Make: func(k int) *thing {
		all[k] = busy()
		return all[k]
	}, Overflow: busy})
	for i := range 1024 {
		m.Get(i)
	}
	m.Get(-1)
	asked := 0
	for _, v := range all {
		asked += int(v.asked.Load())
	}
	assert.Equal(t, 32, asked)
}
