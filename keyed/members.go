package keyed

import (
	"fmt"
	"slices"

	"github.com/ductile-go/ductile/internal/members"
)

// listener is a pair of functions given to the Watch of [Map.Members].
type listener struct{ joined, left func(key string, value any) }

// Members returns the members in a form without type parameters, for packages of this
// module that show any map, such as observe. Programs use [Map.All] instead.
func (m *Map[K, V]) Members() members.Family {
	var zero V
	return members.Family{
		Zero: zero,
		All: func(yield func(string, any) bool) {
			for k, v := range m.All() {
				if !yield(fmt.Sprint(k), v) {
					return
				}
			}
		},
		Shared: func(key any) (any, bool) {
			if e := m.shared(key.(K)); e != nil {
				return e.value, true
			}
			return nil, false
		},
		Watch: m.watch,
	}
}

func (m *Map[K, V]) watch(joined, left func(key string, value any)) (stop func()) {
	l := &listener{joined, left}
	m.changeListeners(func(all []*listener) []*listener { return append(all, l) })
	return func() {
		m.changeListeners(func(all []*listener) []*listener {
			return slices.DeleteFunc(all, func(one *listener) bool { return one == l })
		})
	}
}

// changeListeners replaces the list, by compare-and-swap: of two concurrent changes, a
// plain store would lose one.
func (m *Map[K, V]) changeListeners(change func([]*listener) []*listener) {
	for {
		old := m.listeners.Load()
		var all []*listener
		if old != nil {
			all = slices.Clone(*old)
		}
		all = change(all)
		if m.listeners.CompareAndSwap(old, &all) {
			return
		}
	}
}

// joining tells the listeners of a value that is about to become a member. They hear of
// it before another goroutine can drop it, so that left never comes before joined.
func (m *Map[K, V]) joining(k K, v V) {
	if all := m.listeners.Load(); all != nil && len(*all) > 0 {
		key := fmt.Sprint(k)
		for _, l := range *all {
			l.joined(key, v)
		}
	}
}

// left tells the listeners of a value that was dropped.
func (m *Map[K, V]) left(k K, v V) {
	if all := m.listeners.Load(); all != nil && len(*all) > 0 {
		key := fmt.Sprint(k)
		for _, l := range *all {
			l.left(key, v)
		}
	}
}
