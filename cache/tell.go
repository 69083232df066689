package cache

import (
	"context"
	"log"
	"runtime/debug"
	"time"

	"github.com/ductile-go/ductile/internal/flight"
	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
)

// Reasons of a StoreFailed event.
const (
	byGet = "get"
	bySet = "set"
)

// emit emits e if an observer wants it.
func (c *Cache[K, T]) emit(ctx context.Context, next policy.Call[T], e policy.Event) {
	e.Policy, e.Name = kind, c.cfg.Name
	e.Err = mark.Without(e.Err)
	next.Emit(ctx, e)
}

// tellServed emits Served.
func (c *Cache[K, T]) tellServed(ctx context.Context, next policy.Call[T], from string, age time.Duration, err error) {
	if next.Observed(policy.Served) {
		c.emit(ctx, next, policy.Event{Kind: policy.Served, From: from, Elapsed: max(0, age), Err: err})
	}
}

// tellJoined emits Joined. If an observer panics, the call gives up its seat.
func (c *Cache[K, T]) tellJoined(ctx context.Context, seat *flight.Seat[K, *call[K, T]], next policy.Call[T]) {
	told := false
	defer func() {
		if !told {
			seat.Leave()
		}
	}()
	c.emit(ctx, next, policy.Event{Kind: policy.Joined})
	told = true
}

// tellStoreFailed counts and emits StoreFailed.
func (c *Cache[K, T]) tellStoreFailed(ctx context.Context, next policy.Call[T], reason string, err error) {
	c.storeErrors.Inc()
	c.emit(ctx, next, policy.Event{Kind: policy.StoreFailed, Reason: reason, Err: err})
}

// tellRefreshed emits Refreshed. A panic of the function is logged if none observes the
// event, because no caller gets it.
func (r *call[K, T]) tellRefreshed(err error) {
	if !r.next.Observed(policy.Refreshed) {
		r.logPanic("a refresh", err)
	}
	r.safely(policy.Refreshed, func() {
		r.emit(r.seat.Context(), r.next, policy.Event{Kind: policy.Refreshed, Err: err})
	})
}

// tellLate emits FinishedLate for a flight that all callers have left, and logs a panic.
func (r *call[K, T]) tellLate(err error) {
	r.logPanic("a function whose last caller had left", err)
	r.safely(policy.FinishedLate, func() {
		r.emit(r.seat.Context(), r.next, policy.Event{Kind: policy.FinishedLate, Err: err})
	})
}

// logPanic logs err if the function panicked.
func (r *call[K, T]) logPanic(what string, err error) {
	if p, ok := err.(*policy.PanicError); ok && !r.landed { //nolint:errorlint // made by outcome
		log.Printf("cache: %v: %s panicked: %v\n%s", r.Cache, what, p.Value, p.Stack)
	}
}

// safely calls observers on a goroutine that has no caller above it: a panic would end the
// process, so it is logged.
func (c *Cache[K, T]) safely(of policy.EventKind, f func()) {
	defer func() {
		if r := recover(); r != nil {
			log.Printf("cache: %v: an observer of %s panicked: %v\n%s", c, of, r, debug.Stack())
		}
	}()
	f()
}
