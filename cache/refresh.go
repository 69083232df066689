package cache

import (
	"context"
	"hash/maphash"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// refresh begins a refresh of a stale entry, unless one runs or failed not long ago, or
// the cache is closed. A refresh is the flight of its key, and calls that miss meanwhile
// join it.
func (c *Cache[K, T]) refresh(ctx context.Context, next policy.Call[T], k K, stale *Entry[T], before look) {
	hash, now := maphash.Comparable(c.seed, k), c.since.Now()
	if c.quiet(hash, k, now) {
		return
	}
	s, voids := c.claimRefresh(hash, k, now)
	if s == nil {
		return
	}
	over := *stale
	r := &call[K, T]{Cache: c, next: next, k: k, before: before, over: &over}
	begun := false
	defer func() {
		if !begun { // the clock panicked, or a call flies already and brings a result
			c.yield(s)
		}
	}()
	// The context of a refresh has no end, so its flight has none either: run limits it.
	if r.seat = c.flights.Begin(context.WithoutCancel(ctx), k, c.waiter); r.seat == nil {
		return
	}
	c.startRefresh(r, s, voids)
	begun = true
}

// quiet reports whether a refresh of the key runs, or failed not long ago.
func (c *shared[K, T]) quiet(hash uint64, k K, now int64) bool {
	s := c.slots.Load().Find(hash, k)
	return s != nil && now < s.quiet.Load()
}

func (c *Cache[K, T]) startRefresh(r *call[K, T], s *slot[K, T], voids int64) {
	started := false
	defer func() {
		if !started {
			r.seat.Abort()
		}
	}()
	policy.Go(c.cfg.Clock, func() {
		defer r.refreshed(s, voids)
		r.seat.Fly(r.run)
	})
	started = true
}

// claimRefresh holds the slot of a key for its one refresh. It returns nil if none may
// begin.
func (c *shared[K, T]) claimRefresh(hash uint64, k K, now int64) (s *slot[K, T], voids int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, 0
	}
	s = c.hold(hash, k, now)
	if now < s.quiet.Load() {
		c.release(s)
		return nil, 0
	}
	s.refreshing = true
	s.hush()
	c.background++
	return s, s.voids
}

// yield ends a refresh that has not begun.
func (c *shared[K, T]) yield(s *slot[K, T]) {
	c.readmit(s)
	c.retire(s)
}

// readmit lets the next refresh of a key begin.
func (c *shared[K, T]) readmit(s *slot[K, T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.refreshing = false
	s.hush()
}

// retire is the last step of a refresh. Close waits for it.
func (c *shared[K, T]) retire(s *slot[K, T]) {
	c.mu.Lock()
	c.background--
	c.release(s)
	c.rest()
}

// limit returns a context that ends after RefreshTimeout.
func (c *shared[K, T]) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	cause := &policy.TimeoutError{After: c.cfg.RefreshTimeout, Name: c.cfg.Name}
	switch clock := c.cfg.Clock.(type) {
	case nil:
		return context.WithTimeoutCause(ctx, c.cfg.RefreshTimeout, cause)
	case interface {
		WithTimeoutCause(parent context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc)
	}:
		return clock.WithTimeoutCause(ctx, c.cfg.RefreshTimeout, cause)
	default:
		return clock.WithTimeout(ctx, c.cfg.RefreshTimeout)
	}
}

// refreshed is deferred until the flight of a refresh has landed. The refresh ends when
// its result is stored: calls before that find the stale entry, and must not begin
// another.
func (r *call[K, T]) refreshed(s *slot[K, T], voids int64) {
	defer r.retire(s)
	defer r.settle(s, voids) // also if the store calls runtime.Goexit
	r.write(r.seat.Context(), r.next, s)
}

// settle ends and reports a refresh.
func (r *call[K, T]) settle(s *slot[K, T], voids int64) {
	r.conclude(s, voids)
	r.tellRefreshed(r.outcome()) // after conclude: a call that follows the event may begin another
}

// conclude counts a refresh, and lets the next one begin.
func (r *call[K, T]) conclude(s *slot[K, T], voids int64) {
	defer r.readmit(s)
	r.refreshes.Inc()
	if !r.kept || r.result != nil && r.result.failed.Load() {
		r.failures.Inc()
		r.cool(s, voids)
	}
}

// cool sets the cooldown that begins when a failed refresh ends, unless Delete or Refresh
// has begun since the refresh has.
func (r *call[K, T]) cool(s *slot[K, T], voids int64) {
	now := r.since.Now()
	left := r.over.Stale.Sub(policy.Now(r.cfg.Clock))
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.voids != voids {
		return
	}
	s.failed++
	s.until = sum(now, int64(r.cooldown(s.failed)))
	s.ends = sum(now, int64(left))
}
