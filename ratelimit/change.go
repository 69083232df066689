package ratelimit

import (
	"time"

	"github.com/ductile-go/ductile/internal/fault"
)

// SetRate changes the rate and the burst. A per or burst of 0 means the default, as in
// [Config]. SetRate panics if [Config.Validate] would reject the values.
//
// Taken tokens stay taken: a bucket that lacks k tokens lacks k tokens at the new rate,
// and a full bucket stays full. Waiting calls and reservations are rescheduled. A call
// that would now wait longer than it may is refused; a call that needs more than the new
// burst is refused with [ErrCost]. A concurrent Allow uses either the old or the new
// rate.
func (l *Limiter) SetRate(limit int, per time.Duration, burst int) {
	cfg := Config{Limit: limit, Per: per, Burst: burst}
	faults := fault.Of("ratelimit: SetRate")
	cfg.check(faults)
	if err := faults.Err(); err != nil {
		panic(err)
	}
	b, now := l.lock()
	defer b.line.unlock(&l.mu)
	l.setRate(b, cfg.withDefaults(), now)
}

// setRate replaces b with a bucket of the rate of cfg. The caller holds the lock.
func (l *Limiter) setRate(b *bucket, cfg Config, now int64) {
	if b.limit == cfg.Limit && b.per == cfg.Per && b.burst == cfg.Burst {
		return
	}
	fresh := b.successor(now).at(cfg)
	l.replace(b, fresh, now, false, func(t int64) int64 { return b.scaled(t, now, fresh.cost) })
}

// Pause stops the limiter from granting tokens for d from now. The pause that ends last
// wins, and a d of 0 or less changes nothing. Tokens accrue during a pause, up to Burst.
// Waiting calls and reservations are rescheduled; a call that would now wait longer than
// it may is refused. A pause is at most one year.
func (l *Limiter) Pause(d time.Duration) {
	if d <= 0 {
		return
	}
	b, now := l.lock()
	defer b.line.unlock(&l.mu)
	until := now + min(int64(d), maxAhead/perNano)*perNano
	if until <= b.until {
		return
	}
	fresh := b.successor(now)
	fresh.until = until
	l.replace(b, fresh, now, true, func(t int64) int64 { return t })
}

// begin restarts the limiter with a full bucket if n is still its line, because the clock
// is a different one. Waiters in the old line stay there and use its clock.
func (l *Limiter) begin(n *line) {
	t := newTiming(l.clock)
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket.Load()
	if b.line != n {
		return
	}
	n.left = true
	fresh := b.successor(0).onLine(newLine(t))
	fresh.until = 0
	l.swap(b, fresh, func(int64) int64 { return 0 })
}

// restart restarts a bucket as full if its clock was set back, or belongs to another
// bubble than the line.
func (l *Limiter) restart(d *doubt) {
	if n := d.bucket.line; !l.restarted(d, bubble()) {
		l.begin(n)
	}
}

// restarted does the work of restart. It returns false if the line belongs to another
// bubble.
func (l *Limiter) restarted(d *doubt, where uint64) bool {
	n := d.bucket.line
	l.mu.Lock()
	defer n.unlock(&l.mu)
	if !d.stands() {
		return true
	}
	if n.first != nil && n.bubble != where {
		return false
	}
	l.rewind(n, d.now)
	return true
}

// rewind restarts a line at now because its clock was set back.
func (l *Limiter) rewind(n *line, now int64) {
	by := max(0, n.seen.Load()-now)
	n.seen.Store(now)
	for s := n.first; s != nil; s = s.next {
		if s.waiter != nil {
			s.waiter.began -= by
			s.waiter.latest -= by
		} else {
			s.due -= by
		}
	}
	fresh := n.bucket.successor(now)
	fresh.until = 0
	l.replace(n.bucket, fresh, now, false, func(int64) int64 { return now })
}

// replace replaces b with fresh, of the same line. anew converts a time of b to one of
// fresh. If keep is true, reservations keep their time where possible.
func (l *Limiter) replace(b, fresh *bucket, now int64, keep bool, anew func(t int64) int64) {
	n := b.line
	standing, end := n.first != nil, n.end
	n.restack(fresh, anew(n.base), now, keep)
	n.bucket = fresh
	n.ring(n.head)
	if n.left {
		return
	}
	if standing {
		n.promise(n.end) // before full shows it
	}
	l.swap(b, fresh, func(full int64) int64 {
		if standing {
			full = n.end + anew(full) - anew(end)
		} else {
			full = anew(full)
		}
		return min(full, now+2*maxSpan-1)
	})
	n.publish()
}

// swap replaces b with fresh. The lock excludes other swaps. A take between the load of
// full and the compare-and-swap makes the latter fail, so its tokens are not lost.
func (l *Limiter) swap(b, fresh *bucket, anew func(full int64) int64) {
	b.next.Store(fresh)
	for {
		full := b.full.Load()
		fresh.start = anew(full) // fresh is not visible until b.full is moved
		fresh.full.Store(fresh.start)
		if b.full.CompareAndSwap(full, moved) {
			break
		}
	}
	l.bucket.Store(fresh)
}

// restack reschedules the line on bucket b. from is when the bucket is full, counting no
// entry of the line.
func (n *line) restack(b *bucket, from, now int64, keep bool) {
	at := max(from, b.until)
	n.base = from
	for s := n.first; s != nil; s = s.next {
		switch {
		case s.waiter != nil:
			if !n.replan(s, b, at) {
				continue
			}
			at += s.cost
		case s.taken:
			s.cost = n.bucket.scaled(now+s.cost, now, b.cost) - now
			s.before = at
			at = s.after()
		default:
			s.cost = min(mulDiv(int64(s.tokens), b.cost, 1), maxSpan)
			s.before = at
			due := max(at+s.cost-b.span, b.until)
			if keep {
				due = max(due, s.due)
			}
			s.due = due
			at = s.after()
		}
		at = min(at, now+2*maxSpan-1)
	}
	if n.end = at; n.first == nil {
		n.end = from
	}
}

// replan reschedules a waiter behind a time, and reports whether it stays.
func (n *line) replan(s *spot, b *bucket, at int64) bool {
	w := s.waiter
	switch {
	case s.tokens > b.burst:
		w.refused = &costError{w.limiter.name, s.tokens, b.burst}
	case max(at+int64(s.tokens)*b.cost-b.span, b.until) > w.latest:
		w.refused = w.limiter.refuse(s.tokens)
	default:
		s.cost = int64(s.tokens) * b.cost
		return true
	}
	n.unlink(s)
	n.ring(w)
	return false
}
