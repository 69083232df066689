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
	e, ok := c.find(ctx, next, k)
	now := policy.Now(c.cfg.Clock)
	if ok {
		switch e.ageAt(now) {
		case fresh:
			return c.serve(ctx, next, &e, now, nil)
		case stale:
			c.refresh(ctx, next, k, &e, before)
			return c.serve(ctx, next, &e, now, nil)
		}
	}
	return c.miss(ctx, next, k, e, before)
}

// find returns the entry of a key: the one that is about to be stored, or the store's. An
// error of the store is reported, and then there is none.
func (c *Cache[K, T]) find(ctx context.Context, next policy.Call[T], k K) (e Entry[T], ok bool) {
	if c.pending.Load() > 0 {
		if s := c.slots.Load().Find(maphash.Comparable(c.seed, k), k); s != nil {
			if p := s.pending.Load(); p != nil && p.over == nil {
				return p.entry, true
			}
		}
	}
	e, ok, err := c.store.Get(ctx, k)
	if err != nil {
		c.tellStoreFailed(ctx, next, byGet, err)
		return Entry[T]{}, false
	}
	return e, ok
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
		if now := policy.Now(c.cfg.Clock); c.rescues(ctx, next, k, &e, now, before, err) {
			return c.serve(ctx, next, &e, now, err)
		}
	}
	if r == nil {
		var zero T
		return zero, err
	}
	return c.own(r.v, err), err
}

// rescues reports whether e answers a call that has failed. If Delete or Refresh began
// since the call looked for its entry, e may be gone, and becomes what there is now.
func (c *Cache[K, T]) rescues(ctx context.Context, next policy.Call[T], k K, e *Entry[T], now time.Time, before look, failure error) bool {
	if c.cfg.StaleIfError == 0 || ending.Canceled(ctx, failure) {
		return false
	}
	if c.changes.Load() != before.changes {
		if ctx.Err() != nil {
			return false
		}
		*e, _ = c.find(ctx, next, k)
	}
	return e.Err == nil && e.ageAt(now) != gone
}
