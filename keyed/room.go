package keyed

import (
	"cmp"
	"slices"
)

// looks is how many members an insertion looks at, and up to which Max the order of
// uses is exact.
const looks = 32

// candidate is a member that might be dropped.
type candidate[K comparable, V Idler] struct {
	*entry[K, V]
	seen int64 // the tick of its last use
	aged bool  // it was unused for too long
	busy bool
}

// room drops members, adds them to dropped and reports whether there is room for e,
// which then counts.
func (m *Map[K, V]) room(e *entry[K, V], dropped *[]*entry[K, V]) bool {
	for {
		var space [looks]candidate[K, V]
		old, crowded := m.oldest(e, space[:0])
		slices.SortFunc(old, func(a, b candidate[K, V]) int { return cmp.Compare(a.seen, b.seen) })
		lost := m.dropFrom(old, crowded, dropped)
		if m.keep(e, old, len(*dropped) > 0) {
			return true
		}
		if !lost {
			return false
		}
		// Other insertions dropped the candidates. What they put in their place may be
		// idle, and is looked at.
	}
}

// dropFrom drops the candidates that were unused for too long and, while there are
// too many members, others, if they are idle. It reports whether another insertion
// dropped one of them first.
func (m *Map[K, V]) dropFrom(old []candidate[K, V], crowded bool, dropped *[]*entry[K, V]) (lost bool) {
	for i := range old {
		c := &old[i]
		if !c.aged && !crowded {
			continue
		}
		if c.busy = !c.value.Idle(); c.busy {
			continue
		}
		var end ending
		if end, crowded = m.drop(c, crowded); end == done {
			*dropped = append(*dropped, c.entry)
		}
		lost = lost || end == late
	}
	return lost
}

// oldest counts e and reports whether there are then more than Max. It appends to
// old members in front of the queue; those that were used since they got their place
// are moved to the back.
func (m *Map[K, V]) oldest(e *entry[K, V], old []candidate[K, V]) (_ []candidate[K, V], crowded bool) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count++
	e.counted = true
	crowded = m.count > m.max
	at := m.queue.front()
	for range min(looks, m.queue.len) {
		next := at.next
		c, fresh := m.look(at, now)
		if fresh && !crowded && m.queue.len > looks {
			break // what is behind it was placed later
		}
		old = append(old, c)
		at = next
	}
	return old, crowded
}

// look returns e as a candidate, and whether it is in its place and not old enough.
func (m *Map[K, V]) look(e *entry[K, V], now int64) (c candidate[K, V], fresh bool) {
	c = candidate[K, V]{entry: e, seen: e.used.Load()}
	moved := c.seen != e.placed
	if moved {
		m.queue.place(e, c.seen)
	}
	at := e.at.Load()
	if at > now || moved && m.config.Clock == nil {
		// A clock that was set back must not keep a member until it has caught up.
		e.at.CompareAndSwap(at, now)
		at = now
	}
	c.aged = now-at >= int64(m.maxIdle)
	return c, !moved && !c.aged
}

// ending is what the drop of a candidate came to.
type ending int

const (
	done ending = iota
	late        // it was dropped by another insertion or by Forget
	used        // it is in use
)

// drop drops a candidate that has said it is idle, unless it was used since it was
// seen, or is not idle any more. It also reports whether there are too many members
// then.
func (m *Map[K, V]) drop(c *candidate[K, V], crowded bool) (end ending, still bool) {
	m.tick.Add(1) // each use from now on changes c.used; see Map.use
	if !c.value.Idle() {
		c.busy = true
		return used, crowded
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.state.Load() != member {
		return late, m.count > m.max
	}
	c.state.Store(gone)
	if c.used.Load() != c.seen {
		c.state.Store(member)
		return used, m.count > m.max
	}
	m.remove(c.entry)
	return done, m.count > m.max
}

// keep moves busy members to the back, so that the next insertion looks at others,
// and reports whether e is within Max, or in the place of a member that it dropped.
func (m *Map[K, V]) keep(e *entry[K, V], old []candidate[K, V], dropped bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range old {
		if c := &old[i]; c.busy && c.state.Load() == member {
			m.queue.place(c.entry, c.seen) // not what was used since: the next look finds that
		}
	}
	if m.count <= m.max || dropped {
		return true
	}
	e.counted = false
	m.count--
	return false
}
