package keyed

import (
	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
)

// States of an entry. It goes from making to member and from there to gone, or from
// making directly to gone if Make panics or there is no room.
const (
	making uint32 = iota
	member
	gone
)

// entry is one membership of a key. A key that is dropped and added again gets a new
// entry.
type entry[K comparable, V Idler] struct {
	key   K
	hash  uint64
	value V // written before state becomes member, and not changed after

	// state is written under Map.mu and read without it. Readers read value only after
	// they have read member or gone; reading it earlier would race with publish.
	state atomic.Uint32
	// used is the tick of the last use. Map.use explains its races.
	used atomic.Int64
	// at is the time of the last use. With Config.Clock each use writes it. In real time
	// only insertions do, under Map.mu, if used has changed since their last look. A use
	// and an insertion may write at the same time, so it is atomic.
	at atomic.Int64
	// policies is the list of policies built on value, one for each Policy that has used
	// it. They are added by compare-and-swap: of two that are added at the same time, a
	// plain store would lose one, which would be built again.
	policies atomic.Pointer[attached]

	// pins counts the calls that use value and keep it from being dropped. Map.pin
	// explains its races.
	pins pins

	// Guarded by Map.mu.
	placed     int64         // the tick of the last use when the entry was placed in the queue
	prev, next *entry[K, V]  // in the queue
	waiter     policy.Waiter // for the end of making; nil if no goroutine waits
	counted    bool          // in Map.count
	served     *entry[K, V]  // the overflow's entry, for a key that could not become a member
}

// queue is a ring of members in the order in which they were placed, oldest first. The
// zero queue is not usable; call init.
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

// place moves e to the back and records the tick of its last use.
func (q *queue[K, V]) place(e *entry[K, V], used int64) {
	q.remove(e)
	q.pushBack(e)
	e.placed = used
}
