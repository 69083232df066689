package keyed_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/policy"
)

func TestAPinnedValueIsNotDropped(t *testing.T) {
	m := keyed.New(keyed.Config[string, *thing]{Make: makeThing, Max: 1})
	first, second := m.Pin("a"), m.Pin("a")
	require.Same(t, first.Value(), second.Value())
	for _, p := range []*keyed.Pin[*thing]{&first, &second} {
		assert.NotEqual(t, "b", m.Get("b").key, "the overflow value, since a cannot be dropped")
		assert.Equal(t, []string{"a"}, keysOf(m))
		p.Release()
		p.Release() // does nothing: the other pin still holds
	}
	assert.Equal(t, "b", m.Get("b").key)
	assert.Equal(t, []string{"b"}, keysOf(m))
}

func TestForgetDropsAPinnedValue(t *testing.T) {
	m := keyed.New(keyed.Config[string, *thing]{Make: makeThing})
	p := m.Pin("a")
	defer p.Release()
	require.True(t, m.Forget("a"))
	again := m.Pin("a")
	defer again.Release()
	assert.NotSame(t, p.Value(), again.Value())
}

func TestTheOverflowValueCanBePinned(t *testing.T) {
	over := busy()
	m := keyed.New(keyed.Config[string, *thing]{
		Make: func(string) *thing { return busy() }, Max: 1, Overflow: func() *thing { return over },
	})
	m.Get("a")
	p := m.Pin("b")
	assert.Same(t, over, p.Value())
	p.Release()
	var none keyed.Pin[*thing]
	none.Release()
	assert.Nil(t, none.Value())
}

func TestAPolicyPinsTheValueOfACall(t *testing.T) {
	m := keyed.New(keyed.Config[string, *thing]{Make: makeThing, Max: 1})
	p := keyed.Policy(m, keyOf, passThrough)
	members := func(context.Context) (int, error) {
		m.Get("b")
		assert.Equal(t, []string{"a"}, keysOf(m))
		return 0, nil
	}
	_, _ = p.Execute(withKey(t.Context(), "a"), policy.CallOf(members))
	panics := policy.CallOf(func(context.Context) (int, error) { panic("gone") })
	assert.Panics(t, func() { _, _ = p.Execute(withKey(t.Context(), "a"), panics) })
	m.Get("b")
	assert.Equal(t, []string{"b"}, keysOf(m), "neither call holds its value any more")
}

func TestPinsAreNotAnAllocation(t *testing.T) {
	m := keyed.New(keyed.Config[string, *thing]{Make: makeThing})
	m.Get("a")
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		p := m.Pin("a")
		p.Release()
	}))
}

// Calls of one key that are pinned at the same time have the same value, and no value
// is lost, however keys compete for room.
func TestPinnedCallsOfAKeyShareAValueStress(t *testing.T) {
	for _, limit := range []int{1, 3, 40} {
		var now [8]struct {
			sync.Mutex
			value *thing
			users int
		}
		over := busy()
		m := keyed.New(keyed.Config[int, *thing]{
			Make: func(k int) *thing { return makeThing(fmt.Sprint(k)) }, Max: limit,
			Overflow: func() *thing { return over },
		})
		var apart atomic.Int64
		var workers sync.WaitGroup
		for i := range 200 {
			workers.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(i), 7))
				for range 100 {
					k := rng.IntN(len(now))
					p := m.Pin(k)
					if p.Value() != over {
						at := &now[k]
						at.Lock()
						if at.users > 0 && at.value != p.Value() {
							apart.Add(1)
						}
						at.value = p.Value()
						at.users++
						at.Unlock()
						at.Lock()
						at.users--
						at.Unlock()
					}
					p.Release()
				}
			})
		}
		workers.Wait()
		assert.Zero(t, apart.Load(), "Max %d", limit)
		m.Reconfigure(1, 0)
		for k := range 100 { // all pins were released, so each of these finds room
			assert.NotSame(t, over, m.Get(100+k), "Max %d", limit)
		}
		assert.Equal(t, 1, m.Len())
	}
}
