// Package turn lets a policy that abandons its function check whether the function has
// started, or its call still waits at an inner policy, such as a gate.
package turn

import (
	"context"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Wait reports whether a call waits for its turn. Its methods do nothing if it is nil,
// for calls that no policy abandons.
type Wait struct {
	ctx   context.Context // the call may be abandoned once it has ended
	outer *Wait           // the Wait of the enclosing call, or nil
	on    atomic.Bool
}

type key struct{}

// With returns a context, and a Wait that is on while a call under that context waits.
func With(ctx context.Context) (context.Context, *Wait) {
	outer, _ := ctx.Value(key{}).(*Wait)
	w := &Wait{ctx: ctx, outer: outer}
	return context.WithValue(ctx, key{}, w), w
}

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
		if w.ctx.Err() == nil {
			w.on.Store(false)
		}
	}
}

// On reports whether the call waits for its turn.
func (w *Wait) On() bool { return w != nil && w.on.Load() }

func (w *Wait) set(on bool) {
	for ; w != nil; w = w.outer {
		w.on.Store(on)
	}
}
