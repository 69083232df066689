package keyed_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/keyed"
)

func TestMembersListsKeysAsText(t *testing.T) {
	m := keyed.New(keyed.Config[int, *thing]{Make: func(int) *thing { return idle() }})
	two, three := m.Get(2), m.Get(3)
	got := map[string]any{}
	for k, v := range m.Members().All {
		got[k] = v
	}
	assert.Equal(t, map[string]any{"2": two, "3": three}, got)
	for range m.Members().All {
		break
	}
	assert.Equal(t, (*thing)(nil), m.Members().Zero)
}

func TestListenersHearOfEachMemberThatJoinsAndLeaves(t *testing.T) {
	m := keyed.New(config{Max: 1, Make: makeThing})
	m.Get("before")
	var heard []string
	note := func(what string) func(string, any) {
		return func(k string, v any) {
			require.Equal(t, k, v.(*thing).key)
			heard = append(heard, what+" "+k)
		}
	}
	family := m.Members()
	stop := family.Watch(note("joined"), note("left"))
	stopOther := family.Watch(func(string, any) {}, func(string, any) {})
	m.Get("a")
	m.Get("a")
	m.Forget("a")
	stopOther()
	stop()
	stop()
	m.Get("b")
	assert.Equal(t, []string{"joined a", "left before", "left a"}, heard)
}

func TestListenersAreNotToldOfKeysWithoutRoom(t *testing.T) {
	m := keyed.New(config{Max: 1, Make: func(string) *thing { return busy() }})
	m.Get("a")
	m.Members().Watch(func(k string, _ any) { t.Errorf("%s joined", k) }, func(k string, _ any) { t.Errorf("%s left", k) })
	m.Get("b")
}

func TestNoMemberLeavesBeforeItHasJoined(t *testing.T) {
	m := keyed.New(config{Make: makeThing})
	var mu sync.Mutex
	in := map[any]bool{}
	m.Members().Watch(
		func(_ string, v any) { mu.Lock(); in[v] = true; mu.Unlock() },
		func(_ string, v any) {
			mu.Lock()
			defer mu.Unlock()
			assert.True(t, in[v])
			delete(in, v)
		})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				m.Get("a")
				m.Forget("a")
			}
		})
	}
	wg.Wait()
	m.Forget("a")
	assert.Empty(t, in)
}
