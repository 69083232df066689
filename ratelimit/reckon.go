package ratelimit

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
