package cache

import (
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// looks is the number of cooling slots that a new slot looks at. It is more than one, so
// that they become fewer.
const looks = 2

// queue is a ring of the slots that a cooldown keeps. The zero queue is empty.
type queue[K comparable, T any] struct {
	root slot[K, T]
	len  atomic.Int64 // written under shared.mu, and read without by calls that would not look
}

// The methods below are called with shared.mu held.

func (q *queue[K, T]) push(s *slot[K, T]) {
	if q.root.next == nil {
		q.root.prev, q.root.next = &q.root, &q.root
	}
	s.prev, s.next = q.root.prev, &q.root
	s.prev.next, s.next.prev = s, s
	s.cooling = true
	q.len.Add(1)
}

// remove is followed by push, or by the end of the slot.
func (q *queue[K, T]) remove(s *slot[K, T]) {
	s.prev.next, s.next.prev = s.next, s.prev
	q.len.Add(-1)
}

// thaw looks at a few slots of the queue, drops those whose entries are past their stale
// time, and moves the others to the back. While there are too many slots, it drops any, and
// their keys may be refreshed before their cooldown ends.
func (c *shared[K, T]) thaw(now int64) {
	for range min(looks, c.cool.len.Load()) {
		s := c.cool.root.next
		over := c.cool.len.Load() > int64(max(c.cfg.MaxEntries, DefaultMaxEntries))
		// A result that is pending between the end of its call and its way to the store needs
		// the slot, which nothing holds then.
		if s.refs == 0 && s.pending.Load() == nil && (over || s.ends <= now) {
			c.drop(s)
			continue
		}
		c.cool.remove(s)
		c.cool.push(s)
	}
}

// cooldown returns how long no refresh begins after so many failures in a row.
func (c *shared[K, T]) cooldown(failed int) time.Duration {
	d := c.cfg.Cooldown
	for range failed - 1 {
		if d > c.cfg.Stale/2 {
			return c.cfg.Stale
		}
		d *= 2
	}
	return min(d, c.cfg.Stale)
}
