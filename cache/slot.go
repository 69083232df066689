package cache

import (
	"context"
	"hash/maphash"
	"math"
	"slices"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
)

// slot is what is going on for one key: calls, changes of the store, and the cooldown of
// refreshes. A key at rest has none.
type slot[K comparable, T any] struct {
	key  K
	hash uint64

	// quiet is the time before which no refresh begins, on shared.since: the end of the
	// cooldown, or the end of time while a refresh runs. It is written under mu, and read
	// without it by calls that find a stale entry. A call that reads an old time looks
	// again under mu before it begins a refresh.
	quiet atomic.Int64
	// pending is the result that is about to be stored. It is written under mu, and read
	// without it: a reader that misses it looked before the call of the result returned.
	pending atomic.Pointer[pending[T]]

	// The fields below are guarded by shared.mu.
	refs    int // calls and changes that hold the slot
	calls   []*call[K, T]
	floor   int64 // results of calls that began at or before it are out of date
	writing bool  // flush runs
	busy    bool  // a goroutine changes the entry in the store
	line    []policy.Waiter

	voids      int64 // grows when Delete or Refresh begins
	refreshing bool  // a refresh runs
	failed     int   // failed refreshes in a row
	until      int64 // the end of the cooldown after the last of them
	ends       int64 // when the stale entry of the cooldown is of no use any more
	cooling    bool  // in shared.cool
	prev, next *slot[K, T]
}

// pending is a result on its way to the store.
type pending[T any] struct {
	entry Entry[T]
	over  *Entry[T] // the entry that it may replace; nil means any
	// failed is set by the goroutine that stores the result, which may be another than the
	// one that asks.
	failed atomic.Bool
}

// begin registers a call of the key, and holds its slot.
func (c *shared[K, T]) begin(r *call[K, T]) *slot[K, T] {
	hash, now := maphash.Comparable(c.seed, r.k), c.tick()
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.hold(hash, r.k, now)
	c.seq++
	r.seq = c.seq
	s.calls = append(s.calls, r)
	return s
}

// end is deferred for a call that begin has registered.
func (c *shared[K, T]) end(s *slot[K, T], r *call[K, T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.calls = slices.DeleteFunc(s.calls, func(o *call[K, T]) bool { return o == r })
	c.release(s)
}

// callOf returns the call of a flight, or nil if it has not returned.
func (c *shared[K, T]) callOf(flight context.Context, k K) *call[K, T] {
	hash := maphash.Comparable(c.seed, k)
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.slots.Load().Find(hash, k)
	if s == nil {
		return nil
	}
	for _, r := range s.calls {
		if r.seat.Context() == flight && r.returned.Load() {
			return r
		}
	}
	return nil
}

// offer makes e the pending entry, unless a call that began later has been faster, or
// Delete or Refresh began after the call.
func (c *shared[K, T]) offer(s *slot[K, T], r *call[K, T], e Entry[T]) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.seq <= s.floor {
		return false
	}
	s.floor = r.seq
	s.failed = 0
	s.hush()
	r.result = &pending[T]{entry: e, over: r.over}
	c.setPending(s, r.result)
	c.landings.Add(1) // after setPending: a call that sees it finds the result
	return true
}

// tick returns the time if there are slots that cool down, which then may be dropped.
func (c *shared[K, T]) tick() int64 {
	if c.cool.len.Load() == 0 {
		return math.MinInt64
	}
	return c.since.Now()
}

// The methods below are called with mu held.

// hold returns the slot of a key, for a caller that releases it.
func (c *shared[K, T]) hold(hash uint64, k K, now int64) *slot[K, T] {
	t := c.slots.Load()
	s := t.Find(hash, k)
	if s == nil {
		c.thaw(now)
		t = c.slots.Load()
		s = &slot[K, T]{key: k, hash: hash}
		s.hush()
		t.Link(hash, k, s)
		c.slots.Store(t.Fitting())
	}
	s.refs++
	return s
}

// release drops a slot when nothing is going on for its key. It keeps it while it cools
// down.
func (c *shared[K, T]) release(s *slot[K, T]) {
	s.refs--
	switch {
	case s.refs > 0 || s.pending.Load() != nil:
	case s.failed == 0:
		c.drop(s)
	case !s.cooling:
		c.cool.push(s)
		c.thaw(math.MinInt64) // where there are too many: many refreshes may fail at once
	}
}

func (c *shared[K, T]) drop(s *slot[K, T]) {
	t := c.slots.Load()
	t.Unlink(s.hash, s)
	c.slots.Store(t.Fitting())
	if s.cooling {
		c.cool.remove(s)
	}
}

// hush sets quiet.
func (s *slot[K, T]) hush() {
	quiet := int64(math.MinInt64) // in a bubble of synctest, times are negative
	if s.refreshing {
		quiet = math.MaxInt64
	} else if s.failed > 0 {
		quiet = s.until
	}
	if s.quiet.Load() != quiet {
		s.quiet.Store(quiet)
	}
}

// setPending sets what is pending; nil means nothing.
func (c *shared[K, T]) setPending(s *slot[K, T], p *pending[T]) {
	was := s.pending.Load()
	s.pending.Store(p)
	switch {
	case was == nil && p != nil:
		c.pending.Add(1)
		c.background++
	case was != nil && p == nil:
		c.pending.Add(-1)
		c.background--
	}
}
