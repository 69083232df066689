package keyed

import (
	"context"
	"fmt"

	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/policy"
)

// enter returns what serves a key that was not found: its entry, which others may
// have added meanwhile, or that of the overflow value. It waits while another
// goroutine makes the value, and begins anew if that comes to nothing.
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

// claim returns the entry of k, and whether it is new: the caller must then admit it.
func (m *Map[K, V]) claim(hash uint64, k K) (e *entry[K, V], mine bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.table.Load()
	if e := t.find(hash, k); e != nil {
		return e, false
	}
	e = &entry[K, V]{key: k, hash: hash}
	t.link(e)
	m.table.Store(t.fitting())
	return e, true
}

// admit makes e a member, or returns the overflow's entry.
func (m *Map[K, V]) admit(e *entry[K, V]) *entry[K, V] {
	var dropped []*entry[K, V]
	defer func() { m.tell(dropped) }() // last: OnDrop may get this key
	defer m.withdraw(e, nil)           // if a function of the user's panics; otherwise it is settled by then
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
	now := m.now()
	m.mu.Lock()
	e.value = v
	e.placed = m.tick.Add(1)
	e.used.Store(e.placed)
	e.at.Store(now)
	m.tick.Add(1) // uses from now on are later than the insertion
	m.queue.pushBack(e)
	m.live.Add(1)
	m.settle(e, member)
}

// withdraw ends the making of e without a value; served, if not nil, serves the
// callers that wait for it. It does nothing if the making has ended.
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

// settle ends the making of e. It unlocks mu, and wakes the callers that wait only
// then: a waiter is the clock's, and a clock may be the user's.
func (m *Map[K, V]) settle(e *entry[K, V], state uint32) {
	e.state.Store(state)
	w := e.waiter
	e.waiter = nil
	m.mu.Unlock()
	if w != nil {
		w.Wake()
	}
}

// await waits until the making of e has ended. It returns what serves the key if e
// did not become a member for want of room, and else nil.
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
		_ = w.Wait(context.Background()) // which never ends
	}
}

// over returns the entry of the overflow value. It is in no table.
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
