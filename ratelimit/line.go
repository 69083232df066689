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

// sweep forgets reservations at the beginning of the line whose time has come.
func (n *line) sweep(now int64) {
	for s := n.first; s != nil && s.waiter == nil && s.due <= now; s = n.first {
		n.base = s.after()
		n.unlink(s)
	}
	n.publish()
}

// beforeHead returns the time of the one before the first waiter.
func (n *line) beforeHead() int64 {
	if before := n.head.prev; before != nil {
		return before.after()
	}
	return max(n.base, n.bucket.until)
}

// headDue returns when the first waiter's tokens are there.
func (n *line) headDue() int64 {
	return max(n.beforeHead()+n.head.cost-n.bucket.span, n.bucket.until)
}

// serve lets the first waiter go.
func (n *line) serve(now int64) {
	s := &n.head.spot
	before := n.beforeHead()
	if s.prev == nil {
		n.base = before + s.cost // its own time, however late it is: lateness adds up to nothing
		n.unlink(s)
		n.publish()
		return
	}
	// A reservation is still to come before it: what is given back of that passes by here.
	next, behind := s.next, s.prev
	s.waiter, s.taken, s.out = nil, true, true
	s.before, s.due = before, min(now, before)
	n.waiting--
	n.linkSet(s, behind)
	n.behead(next)
}

// remove takes s out, as if it had never come.
func (n *line) remove(s *spot, now int64) {
	back := s.cost
	if s.waiter == nil { // without it the bucket could be no more than full now
		back = s.after() - max(s.before, now)
		if s == n.first {
			n.base = max(n.base, now)
		}
	}
	n.unlink(s)
	n.giveBack(back, s.order, now)
	if n.first == nil {
		n.lower(n.end-n.base, now) // a pause that the line was counted from
	}
	n.publish()
	if n.head != nil && n.head.order > s.order {
		n.ring(n.head) // it is due earlier
	}
}

// giveBack moves all behind a place in the line to earlier times.
func (n *line) giveBack(back int64, order uint64, now int64) {
	s := n.lastSet
	for s != nil && s.order > order && s.prevSet != nil && s.prevSet.order > order {
		s = s.prevSet
	}
	for ; s != nil && s.order > order && back > 0; s = s.nextSet {
		was := s.after()
		s.before -= back
		back = was - s.after()
	}
	n.lower(back, now)
}

// lower moves the end of the line, and the bucket's full, to an earlier time.
func (n *line) lower(back, now int64) {
	end := n.end
	n.end -= back
	if back == 0 || n.left {
		return
	}
	for {
		full, less := n.bucket.full.Load(), back
		if full > end {
			// Others have taken tokens since, and found no more than a full bucket.
			less = max(end, now) - max(end-back, now)
		}
		n.lowered.Add(1) // before it shows in full
		if n.bucket.full.CompareAndSwap(full, full-less) {
			return
		}
	}
}
