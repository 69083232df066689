package cache

import (
	"context"
	"hash/maphash"
	"runtime/debug"
	"slices"

	"github.com/ductile-go/ductile/policy"
)

// flush stores what is pending for a key when a flight has landed. If another goroutine
// does that already, flush leaves it to that one: where the store is slow, the results
// that become pending meanwhile do not each keep a goroutine.
func (c *Cache[K, T]) flush(ctx context.Context, next policy.Call[T], k K) {
	s := c.claim(k)
	if s == nil {
		return
	}
	done := false
	defer func() {
		if !done { // the store called runtime.Goexit, as a test's store does with t.FailNow
			c.disclaim(s)
			policy.Go(c.cfg.Clock, func() { c.flush(ctx, next, k) })
		}
	}()
	for !c.unclaim(s) {
		c.write(ctx, next, s)
	}
	done = true
}

// claim holds the slot of a key for its one writer. It returns nil if there is no slot, and
// so nothing pending, or another writer.
func (c *shared[K, T]) claim(k K) *slot[K, T] {
	hash := maphash.Comparable(c.seed, k)
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.slots.Load().Find(hash, k)
	if s == nil || s.writing {
		return nil
	}
	s.writing = true
	s.refs++
	c.background++
	return s
}

// unclaim is the end of a writer, unless a result has become pending since it looked.
func (c *shared[K, T]) unclaim(s *slot[K, T]) bool {
	c.mu.Lock()
	if s.pending.Load() != nil {
		c.mu.Unlock()
		return false
	}
	c.unwrite(s)
	return true
}

// disclaim is the end of a writer that leaves what is pending to another.
func (c *shared[K, T]) disclaim(s *slot[K, T]) {
	c.mu.Lock()
	c.unwrite(s)
}

// unwrite ends a writer, and unlocks mu.
func (c *shared[K, T]) unwrite(s *slot[K, T]) {
	s.writing = false
	c.release(s)
	c.background--
	c.rest()
}

// write stores what is pending in a slot, and what becomes pending meanwhile. When it
// returns, what was pending before is stored, or out of date. The caller holds the slot.
//
// Failures are reported when it is no longer this goroutine's turn: an observer may delete
// the entry, which waits for its turn.
func (c *Cache[K, T]) write(ctx context.Context, next policy.Call[T], s *slot[K, T]) {
	ctx = context.WithoutCancel(ctx)
	for _, f := range c.putAll(ctx, s) {
		c.safely(policy.StoreFailed, func() { c.tellStoreFailed(ctx, next, f.reason, f.err) })
	}
}

// storeFailure is an error of the store.
type storeFailure struct {
	reason string
	err    error
}

// putAll stores what is pending, in this goroutine's turn, and returns the failures.
func (c *shared[K, T]) putAll(ctx context.Context, s *slot[K, T]) (failures []storeFailure) {
	_ = c.take(ctx, s) // its context does not end
	defer c.give(s)
	for p := s.pending.Load(); p != nil; p = s.pending.Load() {
		if reason, err := c.put(ctx, s, p); err != nil {
			failures = append(failures, storeFailure{reason, err})
		}
	}
	return failures
}

// stored ends the way of a result to the store.
func (c *shared[K, T]) stored(s *slot[K, T], p *pending[T]) {
	c.landings.Add(1) // a refresh's result is not found before it is stored
	c.mu.Lock()
	if s.pending.Load() == p {
		c.setPending(s, nil)
	}
	c.rest()
}

// put stores a result. A panic of the store is an error, since the call of the result has
// ended. If the store calls runtime.Goexit, the result is given up: nothing else would end
// its way.
func (c *shared[K, T]) put(ctx context.Context, s *slot[K, T], p *pending[T]) (reason string, err error) {
	done := false
	defer func() {
		if !done {
			p.failed.Store(true)
		}
		c.stored(s, p)
	}()
	if reason, err = c.setEntry(ctx, s.key, p); err != nil {
		p.failed.Store(true)
	}
	done = true
	return reason, err
}

// setEntry stores a result, unless it is a refresh's and the entry that it replaces is gone.
func (c *shared[K, T]) setEntry(ctx context.Context, k K, p *pending[T]) (reason string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &policy.PanicError{Value: r, Stack: debug.Stack()}
		}
	}()
	if p.over != nil {
		reason = byGet
		if replaces, err := c.replaces(ctx, k, p.over); !replaces {
			return reason, err
		}
	}
	reason = bySet
	return reason, c.store.Set(ctx, k, p.entry)
}

// replaces reports whether the store still has the entry that a refresh began from, or has
// dropped it because its time has passed. Otherwise it was set or deleted by another, and
// that is newer.
func (c *shared[K, T]) replaces(ctx context.Context, k K, over *Entry[T]) (bool, error) {
	e, ok, err := c.store.Get(ctx, k)
	switch {
	case err != nil:
		return false, err
	case ok:
		return e.same(over), nil
	}
	return !policy.Now(c.cfg.Clock).Before(over.Keep), nil
}

// take waits until no other goroutine changes the entry of a slot's key in the store.
// Without it, a result could be checked against a Delete, and stored after it. The caller
// holds the slot.
func (c *shared[K, T]) take(ctx context.Context, s *slot[K, T]) error {
	if c.try(s, nil) {
		return nil
	}
	w := policy.NewWaiter(c.cfg.Clock)
	if c.try(s, w) {
		return nil
	}
	taken := false
	defer func() {
		if !taken && !c.leave(s, w) { // ctx has ended, or the clock has panicked
			c.give(s) // it was this one's turn already
		}
	}()
	err := w.Wait(ctx)
	taken = err == nil
	return err
}

// try takes the turn if it is free, and else puts w into the line.
func (c *shared[K, T]) try(s *slot[K, T], w policy.Waiter) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.busy {
		s.busy = true
		return true
	}
	if w != nil {
		s.line = append(s.line, w)
	}
	return false
}

// leave takes w out of the line. It returns false if w has the turn.
func (c *shared[K, T]) leave(s *slot[K, T], w policy.Waiter) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(s.line, w)
	if i >= 0 {
		s.line = slices.Delete(s.line, i, i+1)
	}
	return i >= 0
}

// give hands the turn to the next in the line.
func (c *shared[K, T]) give(s *slot[K, T]) {
	c.mu.Lock()
	if len(s.line) == 0 {
		s.busy = false
		c.mu.Unlock()
		return
	}
	w := s.line[0]
	s.line = slices.Delete(s.line, 0, 1)
	c.mu.Unlock()
	w.Wake()
}
