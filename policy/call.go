package policy

import "context"

// Call is what remains of a call: the inner policies, then the function. It is
// a small value, passed by value, and safe for concurrent use as far as the
// function is.
type Call[T any] struct {
	chain *Chain[T] // nil when no policies remain and nobody observes
	at    int       // index of the next link
	fn    Func[T]
}

// CallOf returns a call of fn with no policies, which is what a policy needs to
// run alone. It panics when fn is nil.
func CallOf[T any](fn Func[T]) Call[T] {
	if fn == nil {
		panic("policy: CallOf: fn is nil, want a function")
	}
	return Call[T]{fn: fn}
}

// Do runs what remains of the call. A policy may do so zero or more times.
func (c Call[T]) Do(ctx context.Context) (T, error) {
	if c.chain == nil || c.at >= len(c.chain.links) {
		return c.fn(ctx)
	}
	p := c.chain.links[c.at].policy
	c.at++
	return p.Execute(ctx, c)
}

// Observed reports whether somebody listens to Emit, for a policy that would
// have to work (to read a clock, say) for the sake of an event alone.
func (c Call[T]) Observed() bool {
	return c.chain != nil && c.at > 0 && c.chain.links[c.at-1].scope.observer != nil
}

// Emit tells the pipeline's observers of e, under the pipeline's name. It costs
// nothing when there are none.
func (c Call[T]) Emit(ctx context.Context, e Event) {
	if !c.Observed() {
		return
	}
	scope := c.chain.links[c.at-1].scope
	e.Pipeline = scope.name
	scope.observer(ctx, e)
}
