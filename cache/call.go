package cache

import (
	"context"
	"errors"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/flight"
	"github.com/ductile-go/ductile/policy"
)

// call is one run of the function, for all callers of a flight.
type call[K comparable, T any] struct {
	*Cache[K, T]
	next   policy.Call[T]
	k      K
	before look      // of the caller that began the flight
	over   *Entry[T] // the stale entry that a refresh replaces; nil for a miss
	seat   *flight.Seat[K, *call[K, T]]
	seq    int64

	// returned is set when v and err may be read. A caller that leaves the flight reads
	// them while the flight goes on.
	returned atomic.Bool
	v        T
	err      error

	// The fields below are written before the flight lands, and read after.
	landed   bool // the function and those of the config have returned
	kept     bool // the result is worth keeping
	negative bool // Negative accepts err
	cut      bool // its context ended first: RefreshTimeout has passed, or all callers had left
	result   *pending[T]
}

// fly runs next in the flight of the key, or waits for the one that is in the air. It
// returns nil and an error if the caller left before the function returned.
func (c *Cache[K, T]) fly(ctx context.Context, next policy.Call[T], k K, before look) (*call[K, T], error) {
	seat, began, err := c.flights.Join(ctx, k, c.waiter)
	switch {
	case err != nil:
		return nil, ErrCycle
	case began:
		c.start(&call[K, T]{Cache: c, next: next, k: k, before: before, seat: seat})
	case next.Observed(policy.Joined):
		c.tellJoined(ctx, seat, next)
	}
	r, left, err := seat.Wait()
	if !left {
		return r, nil
	}
	// A function that has returned has succeeded, even if a user's function that is asked
	// about the result takes so long that the caller leaves.
	if r := c.callOf(seat.Context(), k); r != nil && r.err == nil {
		return &call[K, T]{v: r.v}, nil // not r, whose other fields are still written
	}
	if err == nil {
		err = policy.Ended(ctx)
	}
	return nil, err
}

// start runs the flight that a miss has begun.
func (c *Cache[K, T]) start(r *call[K, T]) {
	started := false
	defer func() {
		if !started { // the clock panicked, and callers that have joined would wait forever
			r.seat.Abort()
		}
	}()
	policy.Go(c.cfg.Clock, func() {
		defer r.land()
		r.seat.Fly(r.run)
	})
	started = true
}

// run is the function of a flight. It runs the rest of the call and keeps the result. If
// the caller looked before another flight landed, and began this one after that, run looks
// again: one miss would otherwise make two calls.
func (r *call[K, T]) run(ctx context.Context) (*call[K, T], error) {
	if r.landings.Load() != r.before.landings {
		if e := r.find(ctx, r.next, r.k); e.ageAt(policy.Now(r.cfg.Clock)) == fresh {
			r.v, r.err, r.kept, r.negative = e.Value, e.Err, true, e.Err != nil
			r.landed = true
			return r, nil
		}
	}
	s := r.begin(r)
	defer r.end(s, r)
	if r.over != nil {
		limited, cancel := r.limit(ctx)
		defer cancel()
		ctx = limited
	}
	r.v, r.err = r.next.Do(ctx)
	r.returned.Store(true)
	made := policy.Now(r.cfg.Clock)
	ended := ctx.Err() != nil
	r.cut = ended && r.err != nil
	e, kept := r.entry(made, ended)
	if kept && r.offer(s, r, e) && r.memory != nil {
		r.write(ctx, r.next, s)
	}
	r.kept, r.landed = kept, true
	return r, nil
}

// entry returns the entry of the result, and whether it is worth keeping.
func (r *call[K, T]) entry(made time.Time, ended bool) (e Entry[T], ok bool) {
	if r.err == nil {
		if r.cacheIf != nil && !r.cacheIf(r.v) {
			return e, false
		}
		return r.cfg.entry(r.v, made), true
	}
	if r.cfg.Negative == nil || ended || errors.Is(r.err, policy.ErrRejected) || !r.cfg.Negative(r.err) {
		return e, false
	}
	r.negative = true
	return r.cfg.negative(r.v, r.err, made), true
}

// land is deferred until the flight of a miss has landed. It stores the result if that is
// still to be done, and reports a flight that no caller waits for any more.
func (r *call[K, T]) land() {
	defer r.flush(r.seat.Context(), r.next, r.k)
	out := r.seat.Outcome()
	if out.Abandoned && out.Ran {
		r.tellLate(r.outcome())
	}
}

// outcome returns the error with which the function has ended.
func (r *call[K, T]) outcome() error {
	switch out := r.seat.Outcome(); {
	case out.Crash != nil:
		return &policy.PanicError{Value: out.Crash.Value, Stack: out.Crash.Stack}
	case !r.landed:
		return policy.ErrNoReturn
	}
	return r.err
}
