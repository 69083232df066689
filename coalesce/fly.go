package coalesce

import (
	"context"
	"log"
	"runtime/debug"

	"github.com/ductile-go/ductile/internal/flight"
	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/policy"
)

// start runs next as the flight of its first caller, on a goroutine of its own, so that
// this caller can leave as any other.
func (c *Coalesce[K, T]) start(seat *flight.Seat[K, T], next policy.Call[T]) {
	started := false
	defer func() {
		if !started { // the clock panicked, and callers that have joined would wait forever
			seat.Abort()
		}
	}()
	policy.Go(c.clock, func() {
		defer c.land(seat, next)
		seat.Fly(next.Do)
	})
	started = true
}

// land reports the end of a flight that no caller waits for any more.
func (c *Coalesce[K, T]) land(seat *flight.Seat[K, T], next policy.Call[T]) {
	out := seat.Outcome()
	if !out.Abandoned || !out.Ran {
		return
	}
	err := mark.Without(out.Err)
	switch {
	case out.Crash != nil:
		log.Printf("coalesce: %v: a function panicked after its last caller had left: %v\n%s", c, out.Crash.Value, out.Crash.Stack)
		err = &policy.PanicError{Value: out.Crash.Value, Stack: out.Crash.Stack}
	case out.Exited:
		err = policy.ErrNoReturn
	}
	c.tellLate(seat, next, err)
}

// tellJoined emits Joined. If an observer panics, the call gives up its seat.
func (c *Coalesce[K, T]) tellJoined(ctx context.Context, seat *flight.Seat[K, T], next policy.Call[T]) {
	told := false
	defer func() {
		if !told {
			seat.Leave()
		}
	}()
	next.Emit(ctx, policy.Event{Kind: policy.Joined, Policy: kind, Name: c.name})
	told = true
}

// tellLate emits FinishedLate for a flight that all callers have left. A panic of an
// observer is logged, because no caller is above this goroutine to recover it.
func (c *Coalesce[K, T]) tellLate(seat *flight.Seat[K, T], next policy.Call[T], err error) {
	if !next.Observed(policy.FinishedLate) {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			log.Printf("coalesce: an observer of %s panicked: %v\n%s", policy.FinishedLate, r, debug.Stack())
		}
	}()
	next.Emit(seat.Context(), policy.Event{Kind: policy.FinishedLate, Policy: kind, Name: c.name, Err: err})
}

// own returns the value for one caller.
func (c *Coalesce[K, T]) own(v T, err error) T {
	if c.clone == nil || err != nil && same.Zero(v) {
		return v
	}
	return c.clone(v)
}
