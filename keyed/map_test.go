package keyed_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
)

type config = keyed.Config[string, *thing]

// get gets the keys in order.
func get(m *keyed.Map[string, *thing], keys ...string) {
	for _, k := range keys {
		m.Get(k)
	}
}

func TestMakesTheValueOfAKeyOnce(t *testing.T) {
	m := keyed.New(config{Make: makeThing})
	a := m.Get("a")
	assert.Equal(t, "a", a.key)
	assert.Same(t, a, m.Get("a"))
	assert.NotSame(t, a, m.Get("b"))
	assert.Equal(t, 2, m.Len())
}

func TestDropsTheLeastRecentlyUsedWhenMaxIsReached(t *testing.T) {
	m := keyed.New(config{Make: makeThing, Max: 2})
	get(m, "a", "b", "a", "c")
	assert.Equal(t, []string{"a", "c"}, keysOf(m))
}

func TestOrdersUsesBetweenTwoInsertionsInASmallMap(t *testing.T) {
	m := keyed.New(config{Make: makeThing, Max: 3})
	get(m, "a", "b", "c", "c", "b", "a", "d")
	assert.Equal(t, []string{"a", "b", "d"}, keysOf(m))
	get(m, "e")
	assert.Equal(t, []string{"a", "d", "e"}, keysOf(m))
	get(m, "f")
	assert.Equal(t, []string{"d", "e", "f"}, keysOf(m))
}

func TestPassesOverMembersThatAreNotIdle(t *testing.T) {
	m := keyed.New(config{Make: makeThing, Max: 3})
	get(m, "a", "b", "c")
	m.Get("a").active.Store(true)
	b := m.Get("b")
	b.active.Store(true)
	get(m, "c", "d")
	assert.Equal(t, []string{"a", "b", "d"}, keysOf(m))
	b.active.Store(false)
	get(m, "d", "e")
	assert.Equal(t, []string{"a", "d", "e"}, keysOf(m))
}

func TestDropsMembersUnusedForIdleAtALaterInsertion(t *testing.T) {
	clk := fake.NewClock()
	m := keyed.New(config{Make: makeThing, Clock: clk})
	get(m, "a", "b")
	clk.Advance(10 * time.Minute)
	get(m, "b")
	clk.Advance(5*time.Minute - 1)
	get(m, "c")
	assert.Equal(t, []string{"a", "b", "c"}, keysOf(m), "a is unused for a nanosecond less than 15 min")
	clk.Advance(1)
	assert.Equal(t, 3, m.Len(), "nothing is dropped without an insertion")
	get(m, "d")
	assert.Equal(t, []string{"b", "c", "d"}, keysOf(m))
	clk.Advance(10 * time.Minute)
	get(m, "e")
	assert.Equal(t, []string{"c", "d", "e"}, keysOf(m), "b was last used 25 min ago, and c 10 min")
}

func TestKeepsBusyMembersThatAreUnused(t *testing.T) {
	clk := fake.NewClock()
	m := keyed.New(config{Make: makeThing, Clock: clk})
	a := m.Get("a")
	a.active.Store(true)
	clk.Advance(1000 * time.Hour)
	get(m, "b")
	assert.Equal(t, []string{"a", "b"}, keysOf(m))
	a.active.Store(false)
	get(m, "c")
	assert.Equal(t, []string{"b", "c"}, keysOf(m))
}

func TestAClockSetBackKeepsNoMemberForEver(t *testing.T) {
	clk := fake.NewClock(fake.At(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)))
	m := keyed.New(config{Make: makeThing, Clock: clk})
	get(m, "a")
	clk.Set(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	get(m, "b")
	clk.Advance(keyed.DefaultIdle)
	get(m, "c")
	assert.Equal(t, []string{"c"}, keysOf(m))
}

func TestAClockAtTheZeroTimeMeasuresIdle(t *testing.T) {
	clk := fake.NewClock(fake.At(time.Time{}))
	m := keyed.New(config{Make: makeThing, Clock: clk})
	get(m, "a")
	clk.Advance(keyed.DefaultIdle)
	get(m, "b")
	assert.Equal(t, []string{"b"}, keysOf(m))
}

// In real time a use counts as made at the next insertion.
func TestInRealTimeAMemberStaysAtLeastForIdleAfterItsUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := keyed.New(config{Make: makeThing})
		get(m, "a", "b")
		time.Sleep(10 * time.Minute)
		get(m, "a")
		time.Sleep(10 * time.Minute)
		get(m, "c")
		assert.Equal(t, []string{"a", "c"}, keysOf(m), "a was used 10 min ago, and b 20")
		time.Sleep(keyed.DefaultIdle)
		get(m, "d")
		assert.Equal(t, []string{"d"}, keysOf(m))
	})
}

// There is no insertion between the one of a and its use.
func TestInRealTimeAUseOfTheNewestMemberCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := keyed.New(config{Make: makeThing})
		get(m, "a")
		time.Sleep(10 * time.Minute)
		get(m, "a")
		time.Sleep(10 * time.Minute)
		get(m, "b")
		assert.Equal(t, []string{"a", "b"}, keysOf(m))
	})
}

// The use happens after the look at a busy member and before its move to the back.
func TestInRealTimeAUseDuringAnInsertionCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		isIdle := false
		m := askers(1, func(m *askerMap) bool {
			if !isIdle {
				m.Get("a")
			}
			return isIdle
		}, "a")
		time.Sleep(14 * time.Minute)
		m.Get("b")
		isIdle = true
		m.Reconfigure(10, 0)
		time.Sleep(2 * time.Minute)
		m.Get("c")
		assert.Equal(t, []string{"a", "c"}, keysOf(m))
	})
}

func TestAMapMayBeUsedInSeveralBubblesAndOutside(t *testing.T) {
	m := keyed.New(config{Make: makeThing})
	outside := m.Get("outside")
	outside.active.Store(true)
	for i := range 2 {
		synctest.Test(t, func(t *testing.T) {
			get(m, strconv.Itoa(i))
			assert.Same(t, outside, m.Get("outside"))
			time.Sleep(time.Hour)
			get(m, "inside")
		})
	}
	get(m, "last")
	assert.Same(t, outside, m.Get("outside"))
}

func TestKeysShareTheOverflowWhenNoMemberIsIdle(t *testing.T) {
	made := 0
	over := busy()
	m := keyed.New(config{
		Make: func(string) *thing { return busy() }, Max: 2,
		Overflow: func() *thing { made++; return over },
	})
	a, b := m.Get("a"), m.Get("b")
	assert.Zero(t, made, "the overflow is made when it is needed")
	for _, k := range []string{"c", "d", "c"} {
		assert.Same(t, over, m.Get(k))
		_, ok := m.Lookup(k)
		assert.False(t, ok, "%s is not a member", k)
		assert.False(t, m.Forget(k))
	}
	assert.Equal(t, 1, made)
	assert.Equal(t, []string{"a", "b"}, keysOf(m))
	assert.Equal(t, 2, m.Len())
	assert.Same(t, a, m.Get("a"))

	b.active.Store(false)
	assert.NotSame(t, over, m.Get("c"), "there is room now")
	assert.Equal(t, []string{"a", "c"}, keysOf(m))
}

func TestTheOverflowIsMadeForTheZeroKeyByDefault(t *testing.T) {
	var keys []string
	m := keyed.New(config{Max: 1, Make: func(k string) *thing {
		keys = append(keys, k)
		return busy()
	}})
	get(m, "a", "b", "c")
	assert.Equal(t, []string{"a", ""}, keys)
	assert.Equal(t, []string{"a"}, keysOf(m))
}

func TestAMemberOfTheZeroKeyIsNotTheOverflow(t *testing.T) {
	m := keyed.New(config{Make: func(string) *thing { return busy() }, Max: 1})
	zero := m.Get("")
	assert.NotSame(t, zero, m.Get("a"))
	assert.Same(t, zero, m.Get(""))
}

func TestLookupAddsNothingAndIsNoUse(t *testing.T) {
	m := keyed.New(config{Make: makeThing, Max: 2})
	_, ok := m.Lookup("a")
	assert.False(t, ok)
	assert.Zero(t, m.Len())
	a := m.Get("a")
	get(m, "b")
	v, ok := m.Lookup("a")
	assert.True(t, ok)
	assert.Same(t, a, v)
	get(m, "c")
	assert.Equal(t, []string{"b", "c"}, keysOf(m))
}

func TestAllYieldsEachMemberOnceAndStopsWithTheLoop(t *testing.T) {
	m := keyed.New(config{Make: makeThing})
	for i := range 100 {
		get(m, strconv.Itoa(i))
	}
	seen := map[string]int{}
	for k, v := range m.All() {
		assert.Equal(t, k, v.key)
		seen[k]++
		m.Forget(k)
		m.Get(k)
		get(m, "new "+k)
	}
	for k, n := range seen {
		assert.Equal(t, 1, n, k)
	}
	for i := range 100 {
		assert.Contains(t, keysOf(m), strconv.Itoa(i))
	}
	rounds := 0
	for range m.All() {
		rounds++
		break
	}
	assert.Equal(t, 1, rounds)
	assert.Len(t, keysOf(m), m.Len())
}

// NaN does not equal itself, so each Get adds another member.
func TestKeysThatDoNotEqualThemselvesAreDropped(t *testing.T) {
	m := keyed.New(keyed.Config[float64, *thing]{Make: func(float64) *thing { return idle() }, Max: 3})
	for range 100 {
		m.Get(math.NaN())
	}
	assert.Equal(t, 3, m.Len())
	assert.False(t, m.Forget(math.NaN()))
}

func TestAKeyMayBeAnyComparableType(t *testing.T) {
	type pair struct{ host, tenant string }
	m := keyed.New(keyed.Config[any, *thing]{Make: func(any) *thing { return idle() }})
	for i := range 3 {
		k := &[]int{i}
		for _, k := range []any{i, fmt.Sprint(i), pair{"h", fmt.Sprint(i)}, k, [2]any{i, "x"}} {
			assert.Same(t, m.Get(k), m.Get(k), "%v", k)
		}
	}
	assert.Equal(t, 15, m.Len())
	assert.Panics(t, func() { m.Get([]int{1}) })
	assert.Equal(t, 15, m.Len())
}
