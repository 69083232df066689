package flight

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/internal/ending"
)

// Seat is the part of one caller in a flight.
type Seat[K comparable, T any] struct {
	flight *Flight[K, T]
	caller

	joining    bool        // it may close a cycle: the flight does not ask its caller yet; guarded by the group's mu
	left       bool        // guarded by mu; does not change when the flight has landed
	prev, next *Seat[K, T] // in Flight.waiting; guarded by mu
}

// caller is what a flight knows of a caller. It is read outside the lock, because the
// context may be a user's.
type caller struct {
	ctx      context.Context
	deadline time.Time // when it joined, or, if it may move, when it left
	bounded  bool      // it had one
	movable  bool      // the deadline may move: ctx comes from another flight
}

func callerOf(ctx context.Context) caller {
	c := caller{ctx: ctx, movable: ending.Movable(ctx)}
	c.deadline, c.bounded = ctx.Deadline()
	return c
}

// Fly runs fn as the flight that the caller of s began, on this goroutine. It recovers a
// panic of fn; runtime.Goexit ends the goroutine. If the caller of s was the only one and
// its context has ended, fn does not run.
func (s *Seat[K, T]) Fly(fn func(ctx context.Context) (T, error)) { s.flight.fly(fn) }

// Abort ends a flight that could not be started. Its other callers call runtime.Goexit.
func (s *Seat[K, T]) Abort() {
	s.flight.exited = true
	s.flight.land()
}

// Wait waits until the function has returned, and returns its result. If the function
// panicked, Wait panics with the same value; if it called runtime.Goexit, so does Wait.
//
// If the caller's context ends first, the caller leaves: left is true, and err is the
// waiter's error, or nil if Fly found that the context had ended before fn began. A result
// that is there when the context ends is returned.
func (s *Seat[K, T]) Wait() (v T, left bool, err error) {
	f := s.flight
	waited := false
	defer func() {
		if !waited { // the clock panicked
			s.leave()
		}
	}()
	ended := f.waiter.Wait(s.ctx)
	waited = true
	if ended != nil && s.leave() {
		return v, true, ended
	}
	if s.left || !f.ran() { // Fly found that the context had ended
		return v, true, nil
	}
	v, err = f.result()
	return v, false, err
}

// Context returns the context of the flight.
func (s *Seat[K, T]) Context() context.Context { return s.flight }

// settle ends the joining of a caller that closes no cycle.
func (s *Seat[K, T]) settle() {
	s.flight.group.mu.Lock()
	defer s.flight.group.mu.Unlock()
	s.joining = false
}

// Leave gives up the seat of a caller that will not call Wait.
func (s *Seat[K, T]) Leave() { s.leave() }

// Outcome is how a flight has ended.
type Outcome struct {
	Ran       bool   // the function began
	Err       error  // that it returned
	Crash     *Crash // nil if it did not panic
	Exited    bool   // it called runtime.Goexit
	Abandoned bool   // all callers had left before
}

// Outcome returns how the flight has ended. Call it when Fly has returned, or in a
// function deferred before Fly.
func (s *Seat[K, T]) Outcome() Outcome {
	f := s.flight
	return Outcome{Ran: f.ran(), Err: f.err, Crash: f.crashed, Exited: f.exited, Abandoned: f.abandoned}
}

// wanted reports whether the flight of s, its first caller, should begin: the caller's
// context has not ended, or another has joined.
func (s *Seat[K, T]) wanted() bool {
	if s.ctx.Err() == nil {
		return true
	}
	s.leave()
	s.flight.group.mu.Lock()
	defer s.flight.group.mu.Unlock()
	return s.flight.n > 0
}

// leave gives up the seat. It reports whether the caller has left, and false if the
// result is there.
func (s *Seat[K, T]) leave() bool {
	err := s.ctx.Err()
	if err == nil { // the caller panicked, or the clock ended its wait
		err = context.Canceled
	}
	cause := context.Cause(s.ctx)
	if cause == nil { // also of a custom context whose own parent has not ended
		cause = err
	}
	deadline, bounded := s.deadline, s.bounded
	if s.movable {
		deadline, bounded = s.ctx.Deadline()
	}
	left, last := s.vacate(deadline, bounded)
	if last {
		s.flight.end(err, cause)
	}
	return left
}

// vacate is the step of leave under the lock. The last caller removes the key in the same
// step, so that no other joins a flight that is about to be cancelled.
func (s *Seat[K, T]) vacate(deadline time.Time, bounded bool) (left, last bool) {
	f := s.flight
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	if f.landed || s.left {
		return s.left, false
	}
	s.left = true
	if s.movable {
		s.deadline, s.bounded = deadline, bounded
	}
	f.drop(s)
	if f.n == 0 {
		f.remove()
		return true, true
	}
	return true, false
}
