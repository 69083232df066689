package ratelimit

import (
	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// line is who waits for tokens and what is reserved, in the order of arrival. Its fields
// are guarded by the limiter's lock, but for those that are atomic.
//
// Everybody in it has added its cost to the bucket's full. What stands in the line has a
// time at which the bucket would be full again if nobody came after: base is that of who
// was served last, end that of the last in the line. In between, a waiter's is that of
// the one before plus its own cost. So one that leaves moves all behind it by its cost,
// and none of them has to be visited.
//
// A reservation does not move. What is given back before it can leave the bucket full for
// a while before its time, and is then lost to those behind it; they are moved by the
// rest. See spot.after.
type line struct {
	timing
	// promised is end, or 0 if nobody is in the line. It is at least what full was while
	// something in it was promised: see bucket.doubtful.
	promised atomic.Int64
	// lowered counts how often full was lowered. While it stays, full only grows.
	lowered atomic.Int64
	// seen is the latest reading of a step under the lock. A reading that began after it
	// was stored, and is less, is of a clock that was set back.
	seen atomic.Int64

	bucket   *bucket // the current one of this line
	left     bool    // the limiter has begun anew, with another line
	lost     bool    // and this one's clock is out of range: its waiters go at once
	base     int64
	end      int64
	order    uint64
	first    *spot
	last     *spot
	head     *waiter // the first waiter, the only one with a timer
	waiting  int
	firstSet *spot // of those that do not move
	lastSet  *spot
	ringing  *waiter // to be woken when the lock is given back
	bubble   uint64  // of the waiters
}

// spot is a place in the line.
type spot struct {
	line       *line
	prev, next *spot
	order      uint64
	tokens     int
	cost       int64
	waiter     *waiter // nil for what does not move
	out        bool

	// Of a reservation, and of tokens that were taken meanwhile by somebody who did not
	// have to wait for those before:
	prevSet, nextSet *spot
	before           int64 // the time of the one before
	due              int64 // when its tokens are there, or were taken
	taken            bool  // they were
}

// after returns the time of what does not move: at due, the bucket can be no more than
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

// publish stores what is promised after a step.
func (n *line) publish() {
	if n.first == nil {
		n.promised.Store(0)
	} else {
		n.promised.Store(n.end)
	}
}

// add adds s, whose tokens were booked from a time on, for a bucket that is full at base
// if there is no pause.
func (n *line) add(s *spot, base, from, now int64) {
	if n.first == nil {
		n.base, n.end = base, from
	}
	if from > n.end {
		// Others have taken tokens since the last in the line came.
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

// linkSet puts s behind another of those that do not move; nil is the beginning.
func (n *line) linkSet(s, behind *spot) {
	s.prevSet = behind
	if behind == nil {
		s.nextSet, n.firstSet = n.firstSet, s
	} else {
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
	if s.prevSet == nil {
		n.firstSet = s.nextSet
	} else {
		s.prevSet.nextSet = s.nextSet
	}
	if s.nextSet == nil {
		n.lastSet = s.prevSet
	} else {
		s.nextSet.prevSet = s.prevSet
	}
}

// behead makes the first waiter from s on the head. What it passes by stands before the
// head from now on, so that each spot is passed once.
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

// ring has w woken when the lock is given back.
func (n *line) ring(w *waiter) {
	if w != nil && !w.ringing {
		w.ringing, w.alsoRinging, n.ringing = true, n.ringing, w
	}
}
