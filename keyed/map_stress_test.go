package keyed_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/keyed"
)

// counted is a value that is busy while a goroutine holds it.
type counted struct {
	key   int
	holds atomic.Int64
	drops atomic.Int64
}

func (c *counted) Idle() bool { return c.holds.Load() == 0 }

// ledger counts the values made and dropped for each key.
type ledger struct {
	made, dropped [64]atomic.Int64
	faults        sync.Map
}

func (l *ledger) fault(format string, args ...any) {
	l.faults.LoadOrStore(fmt.Sprintf(format, args...), true)
}

func (l *ledger) config(limit int) keyed.Config[int, *counted] {
	over := &counted{key: -1}
	over.holds.Store(1)
	return keyed.Config[int, *counted]{
		Max:      limit,
		Overflow: func() *counted { return over },
		Make: func(k int) *counted {
			l.made[k].Add(1)
			runtime.Gosched() // others find the key while its value is being made
			return &counted{key: k}
		},
		OnDrop: func(k int, v *counted) {
			if v.key != k || v.drops.Add(1) != 1 {
				l.fault("a value of key %d is dropped as key %d's, for the %dth time", v.key, k, v.drops.Load())
			}
			l.dropped[k].Add(1)
		},
	}
}

// check compares the values made and dropped with the members, when no goroutine runs.
func (l *ledger) check(t *testing.T, m *keyed.Map[int, *counted], limit int) {
	l.faults.Range(func(fault, _ any) bool {
		assert.Fail(t, fault.(string))
		return true
	})
	members := map[int]bool{}
	for k, v := range m.All() {
		members[k] = true
		assert.Equal(t, k, v.key)
		assert.Zero(t, v.drops.Load())
	}
	assert.Len(t, members, m.Len())
	assert.LessOrEqual(t, m.Len(), limit)
	for k := range l.made {
		there := int64(0)
		if members[k] {
			there = 1
		}
		assert.Equal(t, there, l.made[k].Load()-l.dropped[k].Load(), "key %d is made once for each time that it is a member", k)
	}
}

// A value that is held stays the member until it is released.
func TestAValueInUseIsNeverLost(t *testing.T) {
	for _, limit := range []int{1, 4, 40} {
		l := new(ledger)
		m := keyed.New(l.config(limit))
		var workers sync.WaitGroup
		for i := range 1000 {
			workers.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(i), 13))
				for range 30 {
					k := rng.IntN(len(l.made))
					v := m.Get(k)
					if v.key < 0 {
						continue
					}
					v.holds.Add(1)
					if m.Get(k) == v {
						for range 3 {
							runtime.Gosched() // others want room meanwhile
							if now, ok := m.Lookup(k); !ok || now != v {
								l.fault("a value in use is not the member")
							}
						}
						if n := m.Len(); n > limit {
							l.fault("%d members, and Max is %d", n, limit)
						}
					}
					v.holds.Add(-1)
				}
			})
		}
		workers.Wait()
		l.check(t, m, limit)
	}
}

func TestConcurrentOperationsDropEachValueOnce(t *testing.T) {
	const limit = 8
	l := new(ledger)
	m := keyed.New(l.config(limit))
	m.Reconfigure(limit, time.Nanosecond)
	var workers sync.WaitGroup
	for i := range 1000 {
		workers.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 14))
			for range 30 {
				k := rng.IntN(16)
				switch rng.IntN(8) {
				case 0:
					m.Forget(k)
				case 1:
					seen := map[int]bool{}
					for k := range m.All() {
						if seen[k] {
							l.fault("All yields a key twice")
						}
						seen[k] = true
					}
				case 2:
					m.Reconfigure(1+rng.IntN(limit), time.Duration(rng.IntN(2))*time.Hour+1)
				case 3:
					if v, ok := m.Lookup(k); ok && v.key != k {
						l.fault("Lookup of %d finds the value of %d", k, v.key)
					}
				default:
					if v := m.Get(k); v.key != k && v.key != -1 {
						l.fault("Get of %d returns the value of %d", k, v.key)
					}
				}
			}
		})
	}
	workers.Wait()
	l.check(t, m, limit)
}

// Members that are busy all the time are found all the time, while the table grows and
// shrinks. Readers and writers go on until both have done enough, so that each of them runs
// beside the other.
func TestMembersAreFoundWhileTheTableChanges(t *testing.T) {
	const kept = 64
	m := keyed.New(keyed.Config[int, *counted]{Make: func(k int) *counted { return &counted{key: k} }, Max: 1 << 20})
	for k := range kept {
		m.Get(k).holds.Add(1)
	}
	var looks, changes atomic.Int64
	enough := func() bool { return looks.Load() >= 20 && changes.Load() >= 12 || t.Failed() }
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for ; !enough(); looks.Add(1) {
				for k := range kept {
					if v, ok := m.Lookup(k); !ok || v.key != k {
						assert.Fail(t, "a member was not found")
						return
					}
				}
				n := 0
				for k := range m.All() {
					if k < kept {
						n++
					}
				}
				if n != kept {
					assert.Equal(t, kept, n, "All misses a member")
					return
				}
			}
		})
	}
	for w := range 4 {
		all.Go(func() {
			for ; !enough(); changes.Add(1) {
				for i := range 2000 {
					m.Get(kept + w*2000 + i)
				}
				for i := range 2000 {
					m.Forget(kept + w*2000 + i)
				}
			}
		})
	}
	all.Wait()
	assert.Equal(t, kept, m.Len())
}
