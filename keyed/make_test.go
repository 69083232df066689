package keyed_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/policy"
)

func TestAThousandCallersOfANewKeyShareOneMake(t *testing.T) {
	for name, clk := range map[string]policy.Clock{"real time": nil, "virtual time": fake.NewClock()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var made atomic.Int64
				gate := make(chan struct{})
				m := keyed.New(config{Clock: clk, Make: func(k string) *thing {
					made.Add(1)
					<-gate
					return makeThing(k)
				}})
				var got [1000]*thing
				var callers sync.WaitGroup
				for i := range got {
					callers.Go(func() { got[i] = m.Get("a") })
				}
				synctest.Wait()
				_, ok := m.Lookup("a")
				assert.False(t, ok, "a is not a member before its value is made")
				assert.Zero(t, m.Len())
				assert.Empty(t, keysOf(m))
				assert.False(t, m.Forget("a"))
				close(gate)
				callers.Wait()
				assert.Equal(t, int64(1), made.Load())
				for _, v := range got {
					assert.Same(t, got[0], v)
				}
				assert.Equal(t, 1, m.Len())
			})
		})
	}
}

func TestASlowMakeDelaysNoOtherKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := keyed.New(config{Make: func(k string) *thing {
			if k == "slow" {
				time.Sleep(time.Hour)
			}
			return makeThing(k)
		}})
		get(m, "known")
		start := time.Now()
		go m.Get("slow")
		synctest.Wait()
		get(m, "known", "new")
		m.Forget("known")
		assert.Equal(t, []string{"new"}, keysOf(m))
		assert.Zero(t, time.Since(start))
		get(m, "slow")
		assert.Equal(t, time.Hour, time.Since(start))
	})
}

func TestMakeMayGetAnotherKey(t *testing.T) {
	var m *keyed.Map[string, *thing]
	m = keyed.New(config{Make: func(k string) *thing {
		if k != "parent" {
			m.Get("parent")
		}
		return makeThing(k)
	}, Max: 2})
	get(m, "a")
	assert.Equal(t, []string{"a", "parent"}, keysOf(m))
}

func TestAfterAPanicInMakeTheNextGetCallsItAgain(t *testing.T) {
	broken := true
	m := keyed.New(config{Max: 1, Make: func(k string) *thing {
		if broken {
			panic("no " + k)
		}
		return makeThing(k)
	}})
	for range 3 {
		assert.PanicsWithValue(t, "no a", func() { m.Get("a") })
		_, ok := m.Lookup("a")
		assert.False(t, ok)
	}
	broken = false
	get(m, "a")
	assert.Equal(t, []string{"a"}, keysOf(m), "its place was given back")
}

func TestAfterGoexitInMakeTheNextGetCallsItAgain(t *testing.T) {
	exit := true
	m := keyed.New(config{Max: 1, Make: func(k string) *thing {
		if exit {
			runtime.Goexit()
		}
		return makeThing(k)
	}})
	var caller sync.WaitGroup
	caller.Go(func() { m.Get("a") })
	caller.Wait()
	exit = false
	get(m, "a")
	assert.Equal(t, []string{"a"}, keysOf(m))
}

func TestCallersThatWaitForAMakeThatPanicsCallItThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		gate := make(chan struct{})
		m := keyed.New(config{Make: func(k string) *thing {
			if calls.Add(1) == 1 {
				<-gate
				panic("the first one")
			}
			return makeThing(k)
		}})
		var callers sync.WaitGroup
		callers.Go(func() { assert.PanicsWithValue(t, "the first one", func() { m.Get("a") }) })
		synctest.Wait()
		for range 100 {
			callers.Go(func() { assert.NotNil(t, m.Get("a")) })
		}
		synctest.Wait()
		close(gate)
		callers.Wait()
		assert.Equal(t, int64(2), calls.Load())
	})
}

func TestCallersThatWaitForAKeyWithoutRoomShareTheOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		over := busy()
		var made atomic.Int64
		m := keyed.New(config{Max: 1, Make: func(string) *thing { return busy() }, Overflow: func() *thing {
			made.Add(1)
			<-gate
			return over
		}})
		get(m, "a")
		var callers sync.WaitGroup
		for _, k := range []string{"b", "b", "b", "c", "d", "d"} {
			callers.Go(func() { assert.Same(t, over, m.Get(k)) })
		}
		synctest.Wait()
		close(gate)
		callers.Wait()
		assert.Equal(t, int64(1), made.Load())
		assert.Equal(t, []string{"a"}, keysOf(m))
	})
}

func TestAfterAPanicInOverflowTheNextUseCallsItAgain(t *testing.T) {
	broken := true
	m := keyed.New(config{Max: 1, Make: func(string) *thing { return busy() }, Overflow: func() *thing {
		if broken {
			panic("no overflow")
		}
		return busy()
	}})
	get(m, "a")
	assert.PanicsWithValue(t, "no overflow", func() { m.Get("b") })
	broken = false
	assert.Same(t, m.Get("b"), m.Get("c"))
}

func TestANilValuePanics(t *testing.T) {
	var none *thing
	m := keyed.New(config{Make: func(string) *thing { return none }})
	want := "keyed: Config.Make returned nil, a *keyed_test.thing, for the key a: return a value for every key"
	assert.PanicsWithValue(t, want, func() { m.Get("a") })
	assert.Zero(t, m.Len())

	full := config{Max: 1, Make: func(k string) *thing {
		if k == "" {
			return nil
		}
		return busy()
	}}
	m = keyed.New(full)
	get(m, "a")
	assert.PanicsWithValue(t, "keyed: Config.Make returned nil, a *keyed_test.thing, for the keys that find no room: return a value", func() { m.Get("b") })
	full.Overflow = func() *thing { return nil }
	m = keyed.New(full)
	get(m, "a")
	assert.PanicsWithValue(t, "keyed: Config.Overflow returned nil, a *keyed_test.thing, for the keys that find no room: return a value", func() { m.Get("b") })

	untyped := keyed.New(keyed.Config[int, keyed.Idler]{Make: func(int) keyed.Idler { return nil }})
	assert.PanicsWithValue(t, "keyed: Config.Make returned nil, a <nil>, for the key 7: return a value for every key", func() { untyped.Get(7) })
}

type always bool

func (a always) Idle() bool { return bool(a) }

func TestAValueNeedNotBeAPointer(t *testing.T) {
	m := keyed.New(keyed.Config[int, always]{Make: func(k int) always { return k%2 == 0 }, Max: 1})
	assert.True(t, bool(m.Get(0)))
	assert.False(t, bool(m.Get(1)))
	assert.Equal(t, 1, m.Len())
}
