// Package turn lets a policy that abandons its function know whether that function has
// begun, or its call still waits for its turn at a policy inside, such as a gate.
package turn

import (
	"context"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Wait says whether a call waits for its turn. Its methods do nothing on nil, for calls
// that nobody would abandon.
type Wait struct {
	outer *Wait // of the call that this one is part of
	on    atomic.Bool
}

type key struct{}

// With returns a context whose calls tell the returned Wait when they wait.
func With(ctx context.Context) (context.Context, *Wait) {
	outer, _ := ctx.Value(key{}).(*Wait)
	w := &Wait{outer: outer}
	return context.WithValue(ctx, key{}, w), w
}

// Begin says that the call of ctx begins to wait. Once it has called End, a policy must
// look at ctx again before it runs the function: who finds On true under a context that
// has ended counts on the call to come back soon, its function not run.
func Begin(ctx context.Context) *Wait {
	w, _ := ctx.Value(key{}).(*Wait)
	w.set(true)
	return w
}

// End says that the call waits no more.
func (w *Wait) End() { w.set(false) }

// On reports whether the call waits for its turn.
func (w *Wait) On() bool { return w != nil && w.on.Load() }

func (w *Wait) set(on bool) {
	for ; w != nil; w = w.outer {
		w.on.Store(on)
	}
}
