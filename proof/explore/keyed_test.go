//go:build ductile_explore

package explore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/proof/row"
)

// thing is a value in a map.
type thing struct {
	key     string
	busy    bool
	leaving bool // a drop of it has begun
	dropped int
	asked   int // how often it was asked whether it is idle
}

// Idle is called twice by a drop, the second time after the drop has begun.
func (v *thing) Idle() bool {
	touch(v)
	v.asked++
	v.leaving = v.leaving || v.asked > 1
	touch(v) // another may use the value before the map takes its lock
	return !v.busy
}

// shelf is a map under exploration, with what can be seen of it from outside.
type shelf struct {
	*keyed.Map[string, *thing]
	locks    []*sync.Mutex // the map's own
	made     []*thing
	overflow int
	promised []*thing // that a Get returned after the drop of it had begun
	faults   []string
}

// patient is a clock whose waits are known to the explorer.
type patient struct{ *fake.Clock }

func (patient) NewWaiter() policy.Waiter { return &turn{} }

type turn struct{ woken bool }

func (w *turn) Wait(context.Context) error {
	Wait(w, func() bool { return w.woken })
	return nil
}

func (w *turn) Wake() {
	touch(w)
	w.woken = true
}

func newShelf(limit int) *shelf {
	s := &shelf{}
	s.Map = keyed.New(keyed.Config[string, *thing]{
		Max: limit, Clock: patient{fake.NewClock()},
		Make: func(k string) *thing {
			v := &thing{key: k}
			touch(s)
			s.made = append(s.made, v)
			return v
		},
		Overflow: func() *thing { touch(s); s.overflow++; return &thing{key: "overflow", busy: true} },
		OnDrop:   func(_ string, v *thing) { touch(v); v.dropped++ },
	})
	fields := reflect.ValueOf(s.Map).Elem()
	for _, holder := range []reflect.Value{fields, fields.FieldByName("overflow")} {
		s.locks = append(s.locks, (*sync.Mutex)(holder.FieldByName("mu").Addr().UnsafePointer()))
	}
	*(*maphash.Seed)(fields.FieldByName("seed").Addr().UnsafePointer()) = apart
	return s
}

// apart is a seed with which the keys of all scenes lie in different places. With a random seed
// for each map, a schedule would not repeat.
var apart = func() maphash.Seed {
	for {
		seed, places := maphash.MakeSeed(), map[uint64]bool{}
		for _, k := range []string{"a", "b", "c"} {
			places[maphash.Comparable(seed, k)%16] = true
		}
		if len(places) == 3 {
			return seed
		}
	}
}()

func (s *shelf) fault(format string, args ...any) {
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

// get returns a thread that gets k and uses the value.
func (s *shelf) get(k string, got **thing) func() {
	return func() {
		var before []*thing // whose drop had begun
		touch(s)
		for _, v := range s.made {
			if v.leaving {
				before = append(before, v)
			}
		}
		v := s.Get(k)
		touch(v)
		if *got = v; slices.Contains(before, v) {
			s.promised = append(s.promised, v)
		}
	}
}

// pin returns a thread that pins k, uses the value and releases it. The value must not be
// dropped while it is pinned.
func (s *shelf) pin(k string) func() {
	return func() {
		p := s.Pin(k)
		v := p.Value()
		for range 2 { // the explorer may let others run between the looks
			touch(v)
			if v.dropped > 0 {
				s.fault("a value of %s was dropped while it was pinned", v.key)
			}
		}
		p.Release()
	}
}

// shelfScene is a shelf, its threads, and a check at the end in addition to those of every shelf.
type shelfScene struct {
	build func() (*shelf, []func())
	check func(s *shelf)
}

func shelves() map[string]shelfScene {
	var one, other, third *thing // set anew by each build's threads
	fresh := func(limit int) *shelf { one, other, third = nil, nil, nil; return newShelf(limit) }
	return map[string]shelfScene{
		"a value is made once for three that ask at the same time": {
			func() (*shelf, []func()) {
				s := fresh(4)
				return s, []func(){s.get("a", &one), s.get("a", &other), s.get("a", &third)}
			}, func(s *shelf) {
				if len(s.made) != 1 || one != other || other != third {
					s.fault("%d values were made", len(s.made))
				}
			},
		},
		"Get beside the drop of the same key": {
			func() (*shelf, []func()) {
				s := fresh(1)
				s.Get("a")
				return s, []func(){s.get("a", &one), s.get("b", &other)}
			}, func(s *shelf) {
				if s.Len() != 1 {
					s.fault("%d members, want 1", s.Len())
				}
			},
		},
		"Pin beside the drop of the same key": {
			func() (*shelf, []func()) {
				s := fresh(1)
				s.Get("a")
				return s, []func(){s.pin("a"), s.get("b", &other)}
			}, func(*shelf) {},
		},
		"two that pin beside a drop": {
			func() (*shelf, []func()) {
				s := fresh(1)
				s.Get("a")
				return s, []func(){s.pin("a"), s.pin("a"), s.get("b", &other)}
			}, func(*shelf) {},
		},
		"two drops of one member": {
			func() (*shelf, []func()) {
				s := fresh(1)
				s.Get("a")
				return s, []func(){s.get("b", &one), s.get("c", &other)}
			}, func(s *shelf) {
				if s.made[0].dropped != 1 || s.Len() != 1 {
					s.fault("dropped %d times, %d members", s.made[0].dropped, s.Len())
				}
			},
		},
		"Get beside Forget": {
			func() (*shelf, []func()) {
				s := fresh(4)
				old := s.Get("a")
				return s, []func(){s.get("a", &one), func() {
					s.Forget("a")
					if v := s.Get("a"); v == old {
						s.fault("Get returned what Forget had dropped")
					}
				}}
			}, func(s *shelf) {
				if s.made[0].dropped != 1 || len(s.made) != 2 {
					s.fault("dropped %d times, %d made", s.made[0].dropped, len(s.made))
				}
			},
		},
		"of two that Forget, one does": {
			func() (*shelf, []func()) {
				s := fresh(4)
				s.Get("a")
				n := 0
				forget := func() {
					if s.Forget("a") {
						touch(s)
						if n++; n > 1 {
							s.fault("both did")
						}
					}
				}
				return s, []func(){forget, forget}
			}, func(*shelf) {},
		},
		"the overflow value is made once": {
			func() (*shelf, []func()) {
				s := fresh(1)
				s.Get("a").busy = true
				return s, []func(){s.get("b", &one), s.get("c", &other)}
			}, func(s *shelf) {
				if s.overflow != 1 || one != other || s.made[0].dropped > 0 {
					s.fault("%d overflow values, %p and %p", s.overflow, one, other)
				}
			},
		},
	}
}

// program builds the scene anew. The explorer does not see the locks of the map, so what is done
// under one of them is one step.
func (s shelfScene) program() (p Program, locks []*sync.Mutex) {
	shelf, threads := s.build()
	return Program{Threads: threads, Check: func() error {
		s.check(shelf)
		shelf.settle()
		return errors.Join(faultsOf(shelf.faults)...)
	}}, shelf.locks
}

func faultsOf(texts []string) (all []error) {
	for _, t := range texts {
		all = append(all, errors.New(t))
	}
	return all
}

// settle checks what must hold for every map when its threads have ended: each value is a member
// or was dropped, once.
func (s *shelf) settle() {
	members := maps.Collect(s.All())
	for _, v := range s.made {
		is := 0
		if members[v.key] == v {
			is = 1
		}
		if is+v.dropped != 1 {
			s.fault("a value of %s is a member %d times and was dropped %d times", v.key, is, v.dropped)
		}
	}
	for _, v := range s.promised {
		if v.dropped > 0 {
			s.fault("a value of %s was dropped that a Get had returned meanwhile", v.key)
		}
	}
	if len(members) != s.Len() {
		s.fault("%d members, and Len is %d", len(members), s.Len())
	}
}

func TestNoInterleavingBreaksAMap(t *testing.T) {
	var sum Report
	least := *most
	all := shelves()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			var locks []*sync.Mutex
			build := func() Program {
				p, l := all[name].program()
				locks = l
				return p
			}
			report, err := bounded(build, *most, func(stop Stop) { hookOutside(stop, &locks) })
			require.NoError(t, err)
			require.Greater(t, report.Longest, 3, "the map does not stop at its atomic operations")
			t.Logf("%+v", report)
			sum.Schedules += report.Schedules
			sum.States += report.States
			sum.Longest = max(sum.Longest, report.Longest)
			least = min(least, report.Bound)
		})
	}
	if !t.Failed() {
		row.Row{
			Searched: fmt.Sprintf("interleavings of a keyed map's atomic operations, %d scenes of 2 or 3 callers", len(all)),
			Amount:   fmt.Sprintf("%d schedules of up to %d operations, %d states", sum.Schedules, sum.Longest, sum.States),
			Result:   fmt.Sprintf("none breaks it, all with %d preemptions or more", least),
		}.Print()
	}
}

// hookOutside stops threads at their atomic operations, except while one of them holds a lock.
// Another thread that waits for that lock would stop the explorer for ever.
func hookOutside(stop Stop, locks *[]*sync.Mutex) {
	if stop == nil {
		atomicx.Hook = nil
		return
	}
	atomicx.Hook = func(place any, writes bool) {
		for _, l := range *locks {
			if !l.TryLock() {
				return
			}
			l.Unlock()
		}
		stop(place, writes)
	}
}
