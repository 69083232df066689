package keyed

import (
	"cmp"
	"slices"
)

// looks is the number of members that an insertion looks at, and the largest Max with an
// exact order of use.
const looks = 32

// candidate is a member that might be dropped.
type candidate[K comparable, V Idler] struct {
	*entry[K, V]
	seen int64 // the tick of the last use when it was looked at
	aged bool  // unused for Config.Idle
	busy bool  // pinned, or not idle
}

// room drops members, appends them to dropped, and reports whether there is room for e.
// If so, e is counted.
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
		// Other insertions have dropped candidates first. The members that they added may
		// be idle: look again.
	}
}

// dropFrom drops candidates that are idle: those that are aged, and others while there
// are more than Max members. It reports whether another insertion has dropped one of
// them first.
func (m *Map[K, V]) dropFrom(old []candidate[K, V], crowded bool, dropped *[]*entry[K, V]) (lost bool) {
	for i := range old {
		c := &old[i]
		if !c.aged && !crowded {
			continue
		}
		if c.busy = c.pins.any() || !c.value.Idle(); c.busy {
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

// oldest counts e, reports whether there are more than Max members with it, and appends
// the members at the front of the queue to old. It moves those to the back that were
// used since they were placed.
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
			break // the members behind it were placed later
		}
		old = append(old, c)
		at = next
	}
	return old, crowded
}

// look returns e as a candidate. fresh is true if e has not been used since it was placed
// and is not aged.
func (m *Map[K, V]) look(e *entry[K, V], now int64) (c candidate[K, V], fresh bool) {
	c = candidate[K, V]{entry: e, seen: e.used.Load()}
	moved := c.seen != e.placed
	if moved {
		m.queue.place(e, c.seen)
	}
	at := e.at.Load()
	if at > now || moved && m.config.Clock == nil {
		// If the clock was set back, at lies in the future, and the member would stay until
		// the clock has caught up.
		e.at.CompareAndSwap(at, now)
		at = now
	}
	c.aged = uint64(now-at) >= uint64(m.maxIdle) // the difference may exceed an int64
	return c, !moved && !c.aged
}

// ending is the result of a drop.
type ending int

const (
	done ending = iota
	late        // another insertion, or Forget, has dropped the member first
	used        // the member is in use, or pinned
)

// drop drops a candidate that was idle, unless it was used since it was looked at, is
// pinned, or is no longer idle. still is true if there are more than Max members afterwards.
func (m *Map[K, V]) drop(c *candidate[K, V], crowded bool) (end ending, still bool) {
	m.tick.Add(1) // from now on, each use changes c.used; see Map.use
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
	c.busy = c.pins.any() // after the store; see Map.pin
	if c.busy || c.used.Load() != c.seen {
		c.state.Store(member)
		return used, m.count > m.max
	}
	m.remove(c.entry)
	return done, m.count > m.max
}

// keep moves busy members to the back, so that the next insertion looks at others. It
// reports whether there is room for e: the count is within Max, or e replaces a member
// that was dropped.
func (m *Map[K, V]) keep(e *entry[K, V], old []candidate[K, V], dropped bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range old {
		if c := &old[i]; c.busy && c.state.Load() == member {
			m.queue.place(c.entry, c.seen) // with the old tick, so that the next look sees a use since then
		}
	}
	if m.count <= m.max || dropped {
		return true
	}
	e.counted = false
	m.count--
	return false
}
