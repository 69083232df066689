package ratelimit

import (
	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// line is the queue of waiting calls and reservations, in the order of arrival. The
// limiter's lock guards all fields except the atomic ones.
//
// The cost of each entry is already in the bucket's full. Each entry has a time: when the
// bucket would be full again if nothing arrived after it. base is the time of the entry
// served last, end the time of the last entry in the line. A waiter's time is the time of
// the entry before plus its own cost. So when an entry leaves, all entries behind it move
// by its cost, and none of them has to be visited.
//
// A reservation keeps its time. Tokens returned before it may fill the bucket before that
// time. The overflow is lost to the entries behind; they move up by the rest. See
// spot.after.
type line struct {
	timing
	// promised is end, or 0 if the line is empty. It is never less than full was while an
	// entry held a promise: see bucket.doubts.
	promised atomic.Int64
	// lowered counts how often full was lowered. While lowered does not change, full only
	// grows.
	lowered atomic.Int64
	// seen is the latest reading of a step under the lock. A reading that started after it
	// was stored and is less shows that the clock was set back.
	seen atomic.Int64

	bucket  *bucket // the current one of this line
	left    bool    // the limiter has restarted with another line
	lost    bool    // left, and the clock is out of range: waiters return at once
	base    int64
	end     int64
	order   uint64
	first   *spot
	last    *spot
	head    *waiter // the first waiter, the only one with a timer
	waiting int
	lastSet *spot   // the last of the list of entries with a fixed time
	ringing *waiter // list of waiters to wake on unlock
	bubble  uint64  // of the waiters
}

// spot is a place in the line.
type spot struct {
	line       *line
	prev, next *spot
	order      uint64
	tokens     int
	cost       int64
	waiter     *waiter // nil for an entry with a fixed time
	out        bool

	// For a reservation, and for tokens taken ahead of one that did not have to wait for
	// it:
	prevSet, nextSet *spot
	before           int64 // the time of the entry before
	due              int64 // when its tokens are available, or were taken
	taken            bool  // the tokens were taken
}

// after returns the time of an entry that does not move. At due, the bucket is at most
// full.
func (s *spot) after() int64 { return max(s.before, s.due) + s.cost }

func newLine(t timing) *line { return &line{timing: t} }

// onLine makes n the bucket's line.
func (b *bucket) onLine(n *line) *bucket {
	b.line, b.timing = n, n.timing
	n.bucket = b
	return b
}

// promise raises promised.
func (n *line) promise(to int64) {
	if to > n.promised.Load() {
		n.promised.Store(to)
	}
}

// publish stores promised after a step.
func (n *line) publish() {
	if n.first == nil {
		n.promised.Store(0)
	} else {
		n.promised.Store(n.end)
	}
}

// add appends s, whose tokens were booked starting at from. base is the time at which the
// bucket would be full without a pause.
func (n *line) add(s *spot, base, from, now int64) {
	if n.first == nil {
		n.base, n.end = base, from
	}
	if from > n.end {
		// Other calls have taken tokens since the last entry arrived.
		n.link(&spot{cost: from - max(n.end, now), before: n.end, due: now, taken: true})
	}
	s.before = from
	n.link(s)
	n.publish()
}

func (n *line) link(s *spot) {
	n.order++
	s.line, s.order, s.prev = n, n.order, n.last
	if n.last == nil {
		n.first = s
	} else {
		n.last.next = s
	}
	n.last = s
	if s.waiter == nil {
		n.linkSet(s, n.lastSet)
		n.end = s.after()
		return
	}
	n.end += s.cost
	n.waiting++
	if n.head == nil {
		n.head = s.waiter
	}
}

// linkSet inserts s into the list of fixed entries, after behind, or as the only one if it
// is nil.
func (n *line) linkSet(s, behind *spot) {
	s.prevSet = behind
	if behind != nil {
		s.nextSet, behind.nextSet = behind.nextSet, s
	}
	if s.nextSet == nil {
		n.lastSet = s
	} else {
		s.nextSet.prevSet = s
	}
}

func (n *line) unlink(s *spot) {
	s.out = true
	if s.prev == nil {
		n.first = s.next
	} else {
		s.prev.next = s.next
	}
	if s.next == nil {
		n.last = s.prev
	} else {
		s.next.prev = s.prev
	}
	if s.waiter == nil {
		n.unlinkSet(s)
		return
	}
	n.waiting--
	if n.head == s.waiter {
		n.behead(s.next)
	}
}

func (n *line) unlinkSet(s *spot) {
	if s.prevSet != nil {
		s.prevSet.nextSet = s.nextSet
	}
	if s.nextSet == nil {
		n.lastSet = s.prevSet
	} else {
		s.nextSet.prevSet = s.prevSet
	}
}

// behead makes the first waiter from s on the head. Entries that it skips are before the
// head from now on, so each entry is skipped once.
func (n *line) behead(s *spot) {
	for s != nil && s.waiter == nil {
		s = s.next
	}
	n.head = nil
	if s != nil {
		n.head = s.waiter
		n.ring(s.waiter)
	}
}

// ring marks w to be woken on unlock.
func (n *line) ring(w *waiter) {
	if w != nil && !w.ringing {
		w.ringing, w.alsoRinging, n.ringing = true, n.ringing, w
	}
}
