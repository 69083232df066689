package cache

import (
	"context"
	"hash/maphash"
	"slices"

	"github.com/ductile-go/ductile/policy"
)

// Delete removes the entry of k. Calls that began before are not kept, calls that begin
// after it do not join them, and none of them is answered with the removed entry.
//
// It returns the error of the store, or, if ctx ends before the store could be changed,
// one that matches ctx.Err() and the context's cause. The entry may then still be there.
func (c *Cache[K, T]) Delete(ctx context.Context, k K) error { return c.change(ctx, k, c.store.Delete) }

// Refresh makes the entry of k stale, so that the next call of k is answered with it and
// starts a refresh, even during a cooldown. If Config.Stale is 0, and for a kept error, it
// removes the entry. Results of calls that began before are not kept, and calls that begin
// after it do not join them.
//
// It returns an error as Delete does. It does nothing if there is no entry.
func (c *Cache[K, T]) Refresh(ctx context.Context, k K) error { return c.change(ctx, k, c.makeStale) }

// change makes the results of calls that have begun out of date, and changes the store.
func (c *Cache[K, T]) change(ctx context.Context, k K, in func(ctx context.Context, k K) error) error {
	if err := policy.Ended(ctx); err != nil {
		return err
	}
	if k != k { //nolint:gocritic // NaN does not equal itself, and has no entry
		return nil
	}
	s := c.void(k)
	defer c.unhold(s)
	c.flights.Forget(k)
	if err := c.take(ctx, s); err != nil {
		return err
	}
	defer c.give(s)
	return in(ctx, k)
}

// void makes the results of calls that have begun out of date, and ends the cooldown. It
// holds the slot.
func (c *shared[K, T]) void(k K) *slot[K, T] {
	hash, now := maphash.Comparable(c.seed, k), c.tick()
	c.mu.Lock()
	s := c.hold(hash, k, now)
	c.seq++
	s.floor = c.seq
	s.voids++
	s.failed = 0
	s.hush()
	c.setPending(s, nil)
	c.changes.Add(1)
	c.rest()
	return s
}

// watched holds the slot of a key, and returns how often it was voided.
func (c *shared[K, T]) watched(k K) (s *slot[K, T], voids int64) {
	hash, now := maphash.Comparable(c.seed, k), c.tick()
	c.mu.Lock()
	defer c.mu.Unlock()
	s = c.hold(hash, k, now)
	return s, s.voids
}

func (c *shared[K, T]) voidsOf(s *slot[K, T]) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.voids
}

func (c *shared[K, T]) unhold(s *slot[K, T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.release(s)
}

// makeStale changes the entry of a key for Refresh.
func (c *Cache[K, T]) makeStale(ctx context.Context, k K) error {
	e, ok, err := c.store.Get(ctx, k)
	if err != nil || !ok {
		return err
	}
	if c.cfg.Stale == 0 || e.Err != nil {
		return c.store.Delete(ctx, k)
	}
	now := policy.Now(c.cfg.Clock)
	if !now.Before(e.Fresh) {
		return nil
	}
	e.Fresh = now
	return c.store.Set(ctx, k, e)
}

// Close waits until no refresh runs, and no result is on its way to the store. After it
// has begun, no refresh begins, and stale entries are served as they are. Everything else
// goes on as before.
//
// If ctx ends first, Close returns an error that matches ctx.Err() and the context's
// cause. It may be called more than once, but not by a refresh, nor by an observer or a Store
// that the cache calls: it would wait for itself.
func (c *Cache[K, T]) Close(ctx context.Context) error {
	w := policy.NewWaiter(c.cfg.Clock)
	c.mu.Lock()
	c.closed = true
	if c.background == 0 {
		c.mu.Unlock()
		return nil
	}
	c.closing = append(c.closing, w)
	c.mu.Unlock()
	err := w.Wait(ctx)
	if err != nil {
		c.mu.Lock()
		c.closing = slices.DeleteFunc(c.closing, func(o policy.Waiter) bool { return o == w })
		c.mu.Unlock()
	}
	return err
}

// rest unlocks mu, and wakes the calls of Close if nothing runs in the background. It
// wakes them without the lock, because a waiter belongs to the clock, which may be a
// user's.
func (c *shared[K, T]) rest() {
	var closing []policy.Waiter
	if c.background == 0 {
		closing, c.closing = c.closing, nil
	}
	c.mu.Unlock()
	for _, w := range closing {
		w.Wake()
	}
}
