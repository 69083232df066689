package cache

import (
	"context"
	"hash/maphash"
	"time"

	"github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/policy"
)

// look is what a call knows from the moment before it looked for its entry.
type look struct{ landings, changes int64 }

func (s *shared[K, T]) look() look { return look{s.landings.Load(), s.changes.Load()} }

// lookUp answers a call that was not answered at once.
func (c *Cache[K, T]) lookUp(ctx context.Context, next policy.Call[T], k K) (T, error) {
	before := c.look()
	e := c.find(ctx, next, k)
	now := policy.Now(c.cfg.Clock)
	switch e.ageAt(now) {
	case fresh:
		return c.serve(ctx, next, &e, now, nil)
	case stale:
		c.refresh(ctx, next, k, &e, before)
		return c.serve(ctx, next, &e, now, nil)
	}
	return c.miss(ctx, next, k, e, before)
}

// find returns the entry of a key: the one that is about to be stored, or the store's. If
// there is none, it returns the zero entry, which is gone at any time. An error of the
// store is reported, and then there is none.
func (c *Cache[K, T]) find(ctx context.Context, next policy.Call[T], k K) Entry[T] {
	if c.pending.Load() > 0 {
		if s := c.slots.Load().Find(maphash.Comparable(c.seed, k), k); s != nil {
			if p := s.pending.Load(); p != nil && p.over == nil {
				return p.entry
			}
		}
	}
	e, ok, err := c.store.Get(ctx, k)
	if err != nil {
		c.tellStoreFailed(ctx, next, byGet, err)
	}
	if err != nil || !ok {
		return Entry[T]{}
	}
	return e
}

// serve answers a call with an entry. failure is why, if the call has failed.
func (c *Cache[K, T]) serve(ctx context.Context, next policy.Call[T], e *Entry[T], now time.Time, failure error) (T, error) {
	from := "fresh"
	switch {
	case failure != nil:
		c.outdated.Inc()
		c.rescued.Inc()
		from = "stale"
	case e.Err != nil:
		c.negatives.Inc()
		from = "negative"
	case now.Before(e.Fresh):
		c.hits.Inc()
	default:
		c.outdated.Inc()
		from = "stale"
	}
	told := failure
	if failure == nil {
		told = e.Err
	}
	c.tellServed(ctx, next, from, now.Sub(e.Made), told)
	return c.own(e.Value, e.Err), e.Err
}

// miss runs the call in a flight. If it fails, it is answered with e where that is still
// kept; e may be no entry.
func (c *Cache[K, T]) miss(ctx context.Context, next policy.Call[T], k K, e Entry[T], before look) (T, error) {
	c.misses.Inc()
	w := c.watch(ctx, next, k, &e, before)
	defer c.unwatch(w)
	r, err := c.fly(ctx, next, k, before)
	for r != nil && r.cut && ctx.Err() == nil { // the refresh that it joined ran out of time: it has its own
		r, err = c.fly(ctx, next, k, before)
	}
	if r != nil {
		err = r.err
	}
	if err == nil {
		return c.own(r.v, nil), nil
	}
	if r == nil || !r.negative {
		if now := policy.Now(c.cfg.Clock); c.rescues(ctx, next, w, &e, now, err) {
			return c.serve(ctx, next, &e, now, err)
		}
	}
	if r == nil {
		var zero T
		return zero, err
	}
	return c.own(r.v, err), err
}

// watch is what a call that misses keeps of its key, so that it knows at its end whether
// Delete or Refresh began since it looked for its entry. The zero watch is of a call that
// no entry can answer.
type watch[K comparable, T any] struct {
	s     *slot[K, T] // held
	voids int64
}

// watch begins to watch the key of a call that found e. If Delete or Refresh, of any key,
// began since the call looked, e becomes what there is now.
func (c *Cache[K, T]) watch(ctx context.Context, next policy.Call[T], k K, e *Entry[T], before look) (w watch[K, T]) {
	if c.cfg.StaleIfError == 0 || e.ageAt(policy.Now(c.cfg.Clock)) == gone {
		return w
	}
	w.s, w.voids = c.watched(k)
	ok := false
	defer func() {
		if !ok { // the store panicked
			c.unwatch(w)
		}
	}()
	if c.changes.Load() != before.changes {
		*e = c.find(ctx, next, k)
	}
	ok = true
	return w
}

func (c *Cache[K, T]) unwatch(w watch[K, T]) {
	if w.s != nil {
		c.unhold(w.s)
	}
}

// rescues reports whether e answers a call that has failed. If Delete or Refresh of its key
// has begun, e may be gone, and becomes what there is now.
func (c *Cache[K, T]) rescues(ctx context.Context, next policy.Call[T], w watch[K, T], e *Entry[T], now time.Time, failure error) bool {
	if w.s == nil || ending.Canceled(ctx, failure) {
		return false
	}
	if c.voidsOf(w.s) != w.voids {
		if ctx.Err() != nil && c.memory == nil { // the store might not answer
			return false
		}
		*e = c.find(ctx, next, w.s.key)
	}
	return e.Err == nil && e.ageAt(now) != gone
}
