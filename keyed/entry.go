package keyed

import (
	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
)

// States of an entry. It goes from making to member, or from making to gone if it
// comes to nothing, and from member to gone.
const (
	making uint32 = iota
	member
	gone
)

// entry is one membership of a key: a key that is dropped and comes back has
// another entry.
type entry[K comparable, V Idler] struct {
	key   K
	hash  uint64
	value V // written before state becomes member, and not changed after

	// state is written under Map.mu and read without it. A reader reads value only
	// after it has seen member or gone, so it sees the value whole.
	state atomic.Uint32
	// used is the tick of the last use; see Map.use for the races about it.
	used atomic.Int64
	// at is the time of the last use. On a clock of the user's each use writes it; in
	// real time only insertions do, under Map.mu, when they see that used has changed.
	at atomic.Int64
	// policies are the policies built on value, one for each Policy that has met it.
	// They are added by compare-and-swap: otherwise one of two that are added at the
	// same time would be lost, and built again.
	policies atomic.Pointer[attached]

	// Guarded by Map.mu.
	placed     int64         // the tick of the last use when it got its place in the queue
	prev, next *entry[K, V]  // in the queue
	waiter     policy.Waiter // of those who wait for making to end; nil if none does
	counted    bool          // in Map.count
	served     *entry[K, V]  // what a key that could not become a member is served by
}

// queue is a ring of members, from those placed longest ago to the last placed.
// The zero queue is not usable; call init.
type queue[K comparable, V Idler] struct {
	root entry[K, V]
	len  int
}

func (q *queue[K, V]) init() { q.root.next, q.root.prev = &q.root, &q.root }

func (q *queue[K, V]) front() *entry[K, V] { return q.root.next }

func (q *queue[K, V]) pushBack(e *entry[K, V]) {
	e.prev, e.next = q.root.prev, &q.root
	e.prev.next, e.next.prev = e, e
	q.len++
}

func (q *queue[K, V]) remove(e *entry[K, V]) {
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next = nil, nil
	q.len--
}

// place puts e at the back, as used at the given tick.
func (q *queue[K, V]) place(e *entry[K, V], used int64) {
	q.remove(e)
	q.pushBack(e)
	e.placed = used
}
