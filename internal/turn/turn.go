// Package turn lets a policy that abandons its function check whether the function has
// started, or its call still waits at an inner policy, such as a gate.
package turn

import (
	"context"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/ending"
)

// Wait is a context that reports whether the call under it waits for its turn. Its methods
// besides those of a context do nothing if it is nil, for calls that no policy abandons.
type Wait struct {
	context.Context       // the call may be abandoned once it has ended
	outer           *Wait // the Wait of the enclosing call, or nil
	on              atomic.Bool
	running         atomic.Int32 // functions
}

type key struct{}

// With returns a context that is on while a call under it waits.
func With(ctx context.Context) *Wait {
	outer, _ := ctx.Value(key{}).(*Wait)
	return &Wait{Context: ctx, outer: outer}
}

// Value returns w for the key of this package.
func (w *Wait) Value(k any) any {
	if k == (key{}) {
		return w
	}
	return w.Context.Value(k)
}

// String returns a text, so that a context is printed without a look at its fields.
func (w *Wait) String() string { return ending.Text(w.Context) }

// Started counts a function that begins. While it runs, the call may be abandoned, although
// the function may wait at a gate of its own, or another one beside it may.
func (w *Wait) Started() { w.running.Add(1) }

// Returned is deferred for a function that Started has counted.
func (w *Wait) Returned() { w.running.Add(-1) }

// Begin marks the call of ctx as waiting. After End, a policy must check ctx again before
// it runs the function: an outer policy that sees On true under an ended context relies
// on the call to return soon without running its function.
func Begin(ctx context.Context) *Wait {
	w, _ := ctx.Value(key{}).(*Wait)
	w.set(true)
	return w
}

// End marks the call as no longer waiting.
func (w *Wait) End() { w.set(false) }

// Leave marks a call that leaves the queue without its turn. A Wait whose context has ended
// stays on until that call returns: the policy that abandons the call sees from it that the
// function did not run. A Wait whose context has not ended is turned off: that call may go
// on, as after the timeout of one attempt, and may still be abandoned.
func (w *Wait) Leave() {
	for ; w != nil; w = w.outer {
		if w.Err() == nil {
			w.on.Store(false)
		}
	}
}

// On reports whether the call waits for its turn, and no function runs.
func (w *Wait) On() bool { return w != nil && w.on.Load() && w.running.Load() == 0 }

func (w *Wait) set(on bool) {
	for ; w != nil; w = w.outer {
		w.on.Store(on)
	}
}
