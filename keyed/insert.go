package keyed

import (
	"context"
	"fmt"

	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/policy"
)

// enter returns an entry for a key that was not found: a new one, one that another
// goroutine has added in the meantime, or the overflow's. It waits while another
// goroutine makes the value, and tries again if that fails.
func (m *Map[K, V]) enter(hash uint64, k K) *entry[K, V] {
	for {
		e, mine := m.claim(hash, k)
		if mine {
			return m.admit(e)
		}
		if m.use(e) {
			return e
		}
		if served := m.await(e); served != nil {
			return served
		}
	}
}

// claim returns the entry of k. If mine is true, the entry is new, and the caller must
// call admit.
func (m *Map[K, V]) claim(hash uint64, k K) (e *entry[K, V], mine bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.table.Load()
	if e := t.Find(hash, k); e != nil {
		return e, false
	}
	e = &entry[K, V]{key: k, hash: hash}
	t.Link(hash, k, e)
	m.table.Store(t.Fitting())
	return e, true
}

// admit makes e a member, or returns the overflow's entry.
func (m *Map[K, V]) admit(e *entry[K, V]) *entry[K, V] {
	var dropped []*entry[K, V]
	defer func() { m.notify(dropped) }() // runs last, because OnDrop may get this key
	defer m.withdraw(e, nil)             // for a panic in a user's function; does nothing after publish
	if !m.room(e, &dropped) {
		over := m.over()
		m.withdraw(e, over)
		return over
	}
	v := m.config.Make(e.key)
	if same.Nil(v) {
		panic(fmt.Sprintf("keyed: Config.Make returned nil, a %T, for the key %v: return a value for every key", v, e.key))
	}
	m.publish(e, v)
	return e
}

// publish makes e a member with the value v.
func (m *Map[K, V]) publish(e *entry[K, V], v V) {
	now := m.now() // a user's clock may panic: nothing has happened yet
	m.joining(e.key, v)
	m.mu.Lock()
	e.value = v
	e.placed = m.tick.Add(1)
	e.used.Store(e.placed)
	e.at.Store(now)
	m.tick.Add(1) // later uses get a later tick than the insertion
	m.queue.pushBack(e)
	m.live.Add(1)
	m.settle(e, member)
}

// withdraw ends the making of e without a value. Callers that wait for e get served, or
// try again if served is nil. It does nothing if the making has already ended.
func (m *Map[K, V]) withdraw(e *entry[K, V], served *entry[K, V]) {
	m.mu.Lock()
	if e.state.Load() != making {
		m.mu.Unlock()
		return
	}
	e.served = served
	m.remove(e)
	m.settle(e, gone)
}

// settle ends the making of e and unlocks mu. It wakes the waiting callers without the
// lock, because the waiter belongs to the clock, which may be a user's.
func (m *Map[K, V]) settle(e *entry[K, V], state uint32) {
	e.state.Store(state)
	w := e.waiter
	e.waiter = nil
	m.mu.Unlock()
	if w != nil {
		w.Wake()
	}
}

// await waits until the making of e has ended. It returns the overflow's entry if there
// was no room for e, and nil otherwise.
func (m *Map[K, V]) await(e *entry[K, V]) *entry[K, V] {
	fresh := policy.NewWaiter(m.config.Clock)
	for {
		m.mu.Lock()
		if e.state.Load() != making {
			defer m.mu.Unlock()
			return e.served
		}
		if e.waiter == nil {
			e.waiter = fresh
		}
		w := e.waiter
		m.mu.Unlock()
		_ = w.Wait(context.Background()) // a context that never ends
	}
}

// over returns the entry of the overflow value, which is in no table.
func (m *Map[K, V]) over() *entry[K, V] {
	return m.overflow.get(m.config.Clock, func() *entry[K, V] {
		e := &entry[K, V]{}
		field := "Overflow"
		if m.config.Overflow != nil {
			e.value = m.config.Overflow()
		} else {
			field = "Make"
			e.value = m.config.Make(e.key)
		}
		if same.Nil(e.value) {
			panic(fmt.Sprintf("keyed: Config.%s returned nil, a %T, for the keys that find no room: return a value", field, e.value))
		}
		return e
	})
}
