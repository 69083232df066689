// Package flight lets callers that want the same result at the same time share one run of
// a function.
//
// A caller takes a seat in the flight of its key. The caller that began the flight runs
// the function with [Seat.Fly] on a goroutine of its own, and every caller waits with
// [Seat.Wait]:
//
//	s, began := group.Join(ctx, key, newWaiter)
//	if began {
//		policy.Go(clock, func() { s.Fly(next.Do) })
//	}
//	v, err, left := s.Wait()
//
// A caller whose context ends leaves the flight. The function's context ends when the last
// one has left.
package flight

import (
	"context"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Waiter is a policy.Waiter.
type Waiter interface {
	Wait(ctx context.Context) error
	Wake()
}

// Group has at most one flight per key that callers can join. The zero Group is empty and
// ready to use. A Group is safe for concurrent use.
type Group[K comparable, T any] struct {
	// mu makes each of these one step: joining, leaving, landing and forgetting. Without
	// it, a caller could join a flight between the moment when its last caller leaves, or
	// its function returns, and the moment when its key is removed. It guards the map,
	// the totals and the seats of all flights. No function of a user runs while it is
	// held, except for the key's hash and comparison.
	mu      atomic.Mutex
	flights map[K]*Flight[K, T]
	begun   int64
	joined  int64
}

// Totals are the counters of a group.
type Totals struct {
	Begun   int64 // flights begun so far
	Joined  int64 // callers so far that joined a flight of another
	Current int   // flights that callers can join now
}

// Totals returns the group's counters at one moment.
func (g *Group[K, T]) Totals() Totals {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Totals{Begun: g.begun, Joined: g.joined, Current: len(g.flights)}
}

// Join takes a seat for the caller of ctx in the flight of key, and begins a flight if
// there is none. If began is true, the caller must run the flight with [Seat.Fly], or
// give it up with [Seat.Abort]. Join calls newWaiter, outside any lock, for a flight that
// it may begin. The waiter must accept any number of calls of Wait.
//
// Join returns a nil seat if key is not equal to itself, as NaN: no caller could find its
// flight. It returns ErrCycle if the flight waits for the caller. It panics if key has no
// hash, as an interface with a slice.
func (g *Group[K, T]) Join(ctx context.Context, key K, newWaiter func() Waiter) (s *Seat[K, T], began bool, err error) {
	if !equal(key, key) {
		return nil, false, nil
	}
	c := callerOf(ctx)
	if s = g.take(c, key); s == nil {
		s, began = g.register(g.prepare(c, key, newWaiter))
	}
	// Look after the seat is taken: of two calls that join each other's flights at the same
	// time, at least one finds the cycle.
	if !began && c.movable {
		if awaited(ctx, s.flight, nil) {
			s.leave()
			g.unjoin()
			return nil, false, ErrCycle
		}
		s.settle()
	}
	return s, began, nil
}

// Begin begins a flight, as Join does, for a caller that does not wait for it: a function
// that makes the call goes on. It returns nil if key has a flight already, or is not equal
// to itself.
func (g *Group[K, T]) Begin(ctx context.Context, key K, newWaiter func() Waiter) *Seat[K, T] {
	if !equal(key, key) || g.Flying(key) {
		return nil
	}
	f := g.prepare(callerOf(&detached{ctx}), key, newWaiter)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.flights[key] != nil {
		return nil
	}
	g.insert(f)
	return &f.first
}

// Flying reports whether key has a flight that callers can join.
func (g *Group[K, T]) Flying(key K) bool {
	if !equal(key, key) {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.flights[key] != nil
}

// Forget makes the next caller of key begin a new flight, and reports whether there was
// one to forget. The callers of that flight still get its result.
func (g *Group[K, T]) Forget(key K) bool {
	if !equal(key, key) {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.flights[key]
	if f == nil {
		return false
	}
	f.remove()
	return true
}

// take takes a seat in the flight of key. It returns nil if there is none.
func (g *Group[K, T]) take(c caller, key K) *Seat[K, T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.flights[key]
	if f == nil {
		return nil
	}
	return g.join(c, f)
}

// register makes f the flight of its key, or takes a seat in the one that another caller
// has registered meanwhile.
func (g *Group[K, T]) register(f *Flight[K, T]) (s *Seat[K, T], began bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if other := g.flights[f.key]; other != nil {
		return g.join(f.first.caller, other), false
	}
	g.insert(f)
	return &f.first, true
}

// unjoin takes a caller that was refused out of the totals.
func (g *Group[K, T]) unjoin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.joined--
}

// The methods below are called with mu held.

func (g *Group[K, T]) join(c caller, f *Flight[K, T]) *Seat[K, T] {
	s := &Seat[K, T]{flight: f, caller: c, joining: c.movable}
	f.add(s)
	g.joined++
	return s
}

func (g *Group[K, T]) insert(f *Flight[K, T]) {
	if g.flights == nil {
		g.flights = map[K]*Flight[K, T]{}
	}
	g.flights[f.key] = f
	f.registered = true
	f.add(&f.first)
	g.begun++
}

// equal compares two keys. It is false for NaN, and panics outside the lock for a key that
// has no hash.
func equal[K comparable](a, b K) bool { return a == b }
