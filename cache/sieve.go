package cache

import (
	"container/heap"
	"time"
)

// purges is the number of expired entries that an insertion drops at most. It is more
// than one, so that they become fewer.
const purges = 2

// The methods of Memory in this file are called with mu held.

// add makes room for i and adds it.
func (m *Memory[K, T]) add(i *item[K, T], now time.Time) {
	for range purges {
		if len(m.ends) == 0 || now.Before(m.ends[0].entry.Keep) {
			break
		}
		m.drop(m.ends[0])
	}
	if m.sieve.len == m.max {
		m.drop(m.sieve.next())
		m.lost.Add(1)
	}
	t := m.table.Load()
	t.Link(i.hash, i.key, i)
	m.table.Store(t.Fitting())
	m.sieve.add(i)
	heap.Push(&m.ends, i)
	m.live.Store(int64(m.sieve.len))
}

// replace puts i into the place of old. It links i first, and readers find what was
// linked last: at no time do they find none.
func (m *Memory[K, T]) replace(old, i *item[K, T]) {
	t := m.table.Load()
	t.Link(i.hash, i.key, i)
	t.Unlink(old.hash, old)
	i.visited.Store(old.visited.Load())
	m.sieve.replace(old, i)
	i.place = old.place
	m.ends[i.place] = i
	heap.Fix(&m.ends, i.place)
}

func (m *Memory[K, T]) drop(i *item[K, T]) {
	t := m.table.Load()
	t.Unlink(i.hash, i)
	m.table.Store(t.Fitting())
	m.sieve.remove(i)
	heap.Remove(&m.ends, i.place)
	m.live.Store(int64(m.sieve.len))
}

// sieve is a ring of items in the order in which they were added, with a hand that moves
// from the oldest to the newest.
type sieve[K comparable, T any] struct {
	root item[K, T] // between the newest and the oldest
	hand *item[K, T]
	len  int
}

func (s *sieve[K, T]) init() { s.root.newer, s.root.older, s.hand = &s.root, &s.root, &s.root }

func (s *sieve[K, T]) add(i *item[K, T]) {
	i.newer, i.older = &s.root, s.root.older
	i.link()
	s.len++
}

// link makes the neighbors of i point to it.
func (i *item[K, T]) link() { i.newer.older, i.older.newer = i, i }

func (s *sieve[K, T]) remove(i *item[K, T]) {
	if s.hand == i {
		s.hand = i.newer
	}
	i.newer.older, i.older.newer = i.older, i.newer
	i.newer, i.older = nil, nil
	s.len--
}

func (s *sieve[K, T]) replace(old, i *item[K, T]) {
	if s.hand == old {
		s.hand = i
	}
	i.newer, i.older = old.newer, old.older
	i.link()
	old.newer, old.older = nil, nil
}

// next returns the item to drop: the next one that was not read since the hand passed it.
// There must be one item at least. Reads go on meanwhile, so after two rounds it returns
// the item at hand, read or not.
func (s *sieve[K, T]) next() *item[K, T] {
	for steps := 0; ; s.hand = s.hand.newer {
		if s.hand == &s.root {
			continue
		}
		if steps++; !s.hand.visited.Load() || steps > 2*s.len {
			return s.hand
		}
		s.hand.visited.Store(false)
	}
}

// ends is a heap of all items, the one whose Keep time is first at the front.
type ends[K comparable, T any] []*item[K, T]

func (e ends[K, T]) Len() int           { return len(e) }
func (e ends[K, T]) Less(a, b int) bool { return e[a].entry.Keep.Before(e[b].entry.Keep) }
func (e ends[K, T]) Swap(a, b int) {
	e[a], e[b] = e[b], e[a]
	e[a].place, e[b].place = a, b
}

// Push is called by package heap.
func (e *ends[K, T]) Push(x any) {
	i := x.(*item[K, T])
	i.place = len(*e)
	*e = append(*e, i)
}

// Pop is called by package heap.
func (e *ends[K, T]) Pop() any {
	last := len(*e) - 1
	i := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	return i
}
