package keyed

import "hash/maphash"

// shared returns the overflow's entry if a call with the key k would share it now. It
// returns nil if k is a member or would become one, and if no call has needed the
// overflow value yet. It changes nothing and counts as no use.
func (m *Map[K, V]) shared(k K) *entry[K, V] {
	over := m.overflow.made.Load()
	if over == nil {
		return nil
	}
	var space [looks]*entry[K, V]
	old, full := m.ahead(k, space[:0])
	if !full {
		return nil
	}
	for _, e := range old {
		if !e.pins.any() && e.value.Idle() { // an insertion would drop it
			return nil
		}
	}
	return over
}

// ahead reports whether k would not find room without a drop, and appends the members that
// its insertion would look at to old.
func (m *Map[K, V]) ahead(k K, old []*entry[K, V]) (_ []*entry[K, V], full bool) {
	hash := maphash.Comparable(m.seed, k)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.count < m.max || m.table.Load().Find(hash, k) != nil {
		return old, false
	}
	at := m.queue.front()
	for range min(looks, m.queue.len) {
		old = append(old, at)
		at = at.next
	}
	return old, true
}
