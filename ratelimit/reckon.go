package ratelimit

// sweep removes due reservations from the front of the line.
func (n *line) sweep(now int64) {
	for s := n.first; s != nil && s.waiter == nil && s.due <= now; s = n.first {
		n.base = s.after()
		n.unlink(s)
	}
	n.publish()
}

// beforeHead returns the time of the entry before the first waiter.
func (n *line) beforeHead() int64 {
	if before := n.head.prev; before != nil {
		return before.after()
	}
	return max(n.base, n.bucket.until)
}

// headDue returns when the first waiter's tokens are available.
func (n *line) headDue() int64 {
	return max(n.beforeHead()+n.head.cost-n.bucket.span, n.bucket.until)
}

// serve admits the first waiter.
func (n *line) serve(now int64) {
	s := &n.head.spot
	before := n.beforeHead()
	if s.prev == nil {
		n.base = before + s.cost // the scheduled time, not now: lateness does not accumulate
		n.unlink(s)
		n.publish()
		return
	}
	// A reservation is still pending before it. Tokens returned by that reservation pass
	// to the entries behind this one.
	next, behind := s.next, s.prev
	s.waiter, s.taken, s.out = nil, true, true
	s.before, s.due = before, min(now, before)
	n.waiting--
	n.linkSet(s, behind)
	n.behead(next)
}

// remove removes s, as if it had never arrived.
func (n *line) remove(s *spot, now int64) {
	back := s.cost
	if s.waiter == nil { // without s the bucket would be at most full now
		back = s.after() - max(s.before, now)
		if s == n.first {
			n.base = max(n.base, now)
		}
	}
	n.unlink(s)
	n.giveBack(back, s.order, now)
	if n.first == nil {
		n.lower(n.end-n.base, now) // return the pause that the line started from
	}
	n.publish()
	if n.head != nil && n.head.order > s.order {
		n.ring(n.head) // it is due earlier now
	}
}

// giveBack moves all entries behind a place in the line to earlier times.
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
			// Other calls have taken tokens since then, and the bucket was at most full.
			less = max(end, now) - max(end-back, now)
		}
		n.lowered.Add(1) // before full shows it
		if n.bucket.full.CompareAndSwap(full, full-less) {
			return
		}
	}
}
