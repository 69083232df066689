package flight

import (
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/internal/urgency"
)

// Flight is one run of a function, and the context of that run. The context has the values
// of the first caller. Its deadline is the latest of the callers that wait now, or none if
// one of them has none. Its priority is their highest, and it is speculative only if all of
// them are. It ends when the function returns, or when the last caller has left, with that
// caller's error and cause.
type Flight[K comparable, T any] struct {
	lifetime
	group  *Group[K, T]
	key    K
	waiter Waiter // woken when the result may be read
	first  Seat[K, T]

	// The fields below are guarded by group.mu.
	registered bool // group.flights has this flight
	landed     bool // the result may be read
	abandoned  bool // all callers had left when it landed
	waiting    *Seat[K, T]
	n          int32     // seats in waiting
	moving     int32     // those of them whose deadline may move; asked anew each time
	unbounded  int32     // seats in waiting without a deadline
	latest     time.Time // the latest deadline of those with one
	stale      bool      // latest was the deadline of a seat that has left

	// The result. It is written before landed is set, and does not change after that.
	v        T
	err      error
	returned bool // the function returned
	crashed  *Crash
	exited   bool // the function called runtime.Goexit
}

// Crash is the panic of a function.
type Crash struct {
	Value any
	Stack []byte // of the goroutine that panicked
}

// prepare returns a flight that is not registered yet.
func (g *Group[K, T]) prepare(c caller, key K, newWaiter func() Waiter) *Flight[K, T] {
	f := &Flight[K, T]{group: g, key: key, waiter: newWaiter()}
	f.first = Seat[K, T]{flight: f, caller: c}
	return f
}

// Deadline returns the latest deadline of the callers that wait now.
func (f *Flight[K, T]) Deadline() (deadline time.Time, ok bool) {
	latest, bounded, moving := f.fixed()
	if !bounded {
		return time.Time{}, false
	}
	for _, ctx := range moving { // outside the lock: they are flights, too
		d, ok := ctx.Deadline()
		if !ok {
			return time.Time{}, false
		}
		if d.After(latest) {
			latest = d
		}
	}
	return latest, true
}

// fixed returns the latest of the deadlines that do not move, and the contexts of those
// that do. bounded is false if a caller has no deadline. A caller that is joining may close a
// cycle, in which each flight would ask the next without end. So it is not asked, and its
// deadline is that of a moment ago.
func (f *Flight[K, T]) fixed() (latest time.Time, bounded bool, moving []context.Context) {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	if f.unbounded > 0 {
		return time.Time{}, false, nil
	}
	if f.stale {
		f.stale, f.latest = false, time.Time{}
		for s := f.waiting; s != nil; s = s.next {
			f.extend(s)
		}
	}
	latest = f.latest
	if f.moving > 0 {
		for s := f.waiting; s != nil; s = s.next {
			switch {
			case !s.movable:
			case !s.joining:
				moving = append(moving, s.ctx)
			case !s.bounded:
				return time.Time{}, false, nil
			case s.deadline.After(latest):
				latest = s.deadline
			}
		}
	}
	return latest, true, moving
}

// Value returns the first caller's value, except for what depends on all callers.
func (f *Flight[K, T]) Value(key any) any {
	switch key.(type) {
	case ending.MovableKey:
		return f
	case urgency.PriorityKey:
		return f.priority()
	case urgency.SpeculativeKey:
		return f.speculative()
	}
	if ending.IsCauseKey(key) {
		return f.cause(key)
	}
	return f.first.ctx.Value(key)
}

// priority returns the highest priority of the callers: a call that matters must not be
// shed because it joined one that does not.
func (f *Flight[K, T]) priority() int8 {
	highest := int8(math.MinInt8)
	for _, ctx := range f.settled() {
		p, _ := ctx.Value(urgency.PriorityKey{}).(int8)
		highest = max(highest, p)
	}
	return highest
}

// speculative reports whether all callers are speculative: the others may queue.
func (f *Flight[K, T]) speculative() bool {
	for _, ctx := range f.settled() {
		if s, _ := ctx.Value(urgency.SpeculativeKey{}).(bool); !s {
			return false
		}
	}
	return true
}

// callers returns the contexts of those that wait now, or the first caller's if all have
// left. They are asked outside the lock, because a context may be a user's.
func (f *Flight[K, T]) callers() []context.Context { return f.contexts(true) }

// settled is callers without those that are joining.
func (f *Flight[K, T]) settled() []context.Context { return f.contexts(false) }

func (f *Flight[K, T]) contexts(joining bool) []context.Context {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	all := make([]context.Context, 0, max(1, f.n))
	for s := f.waiting; s != nil; s = s.next {
		if joining || !s.joining {
			all = append(all, s.ctx)
		}
	}
	if len(all) == 0 {
		all = append(all, f.first.ctx)
	}
	return all
}

// String returns a short text, so that a context is printed without a look at its fields.
func (f *Flight[K, T]) String() string { return "flight" }

// fly runs fn, unless its only caller has left already.
func (f *Flight[K, T]) fly(fn func(ctx context.Context) (T, error)) {
	defer f.land()
	f.exited = true
	if f.first.wanted() {
		f.v, f.err = fn(f)
		f.returned = true
	}
	f.exited = false
}

// land publishes the result. The key is removed before the waiters are woken: a caller
// that comes back for a newer result must not get this one.
func (f *Flight[K, T]) land() {
	// Only this frame may recover: no caller is above it, and those that wait panic again
	// with the value.
	if r := recover(); r != nil {
		f.crashed, f.exited = &Crash{Value: r, Stack: debug.Stack()}, false
	}
	f.publish()
	if !f.abandoned { // otherwise the last caller ends the context
		f.end(context.Canceled, context.Canceled)
	}
	f.waiter.Wake()
}

func (f *Flight[K, T]) publish() {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	f.landed, f.abandoned = true, f.n == 0
	f.remove()
}

// ran reports whether the function of a flight that has landed began.
func (f *Flight[K, T]) ran() bool { return f.returned || f.crashed != nil || f.exited }

// result returns the function's result, or panics or exits as it did.
func (f *Flight[K, T]) result() (T, error) {
	switch {
	case f.crashed != nil:
		panic(f.crashed.Value)
	case f.exited:
		runtime.Goexit()
	}
	return f.v, f.err
}

// The methods below are called with group.mu held.

// remove removes the flight from the group. A flight that was forgotten leaves the flight
// that came after it in place.
func (f *Flight[K, T]) remove() {
	if f.registered {
		f.registered = false
		delete(f.group.flights, f.key)
	}
}

func (f *Flight[K, T]) add(s *Seat[K, T]) {
	s.next = f.waiting
	if s.next != nil {
		s.next.prev = s
	}
	f.waiting = s
	f.n++
	switch {
	case s.movable:
		f.moving++
	case !s.bounded:
		f.unbounded++
	default:
		f.extend(s)
	}
}

func (f *Flight[K, T]) extend(s *Seat[K, T]) {
	if !s.movable && s.bounded && s.deadline.After(f.latest) {
		f.latest = s.deadline
	}
}

// drop removes the seat of a caller that has left. The deadline of the last one stays.
func (f *Flight[K, T]) drop(s *Seat[K, T]) {
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		f.waiting = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
	s.prev, s.next = nil, nil
	f.n--
	if f.n == 0 {
		f.moving, f.unbounded = 0, 0
		if !s.bounded {
			f.unbounded = 1
		}
		f.latest, f.stale = s.deadline, false
		return
	}
	switch {
	case s.movable:
		f.moving--
	case !s.bounded:
		f.unbounded--
	case s.deadline.Equal(f.latest):
		f.stale = true
	}
}
