package policy

import "context"

// Call is what remains of a call: the inner policies, then the function. It is
// a small value, passed by value, and safe for concurrent use as far as the
// function is. Policies are given one; [CallOf] and [Chain.Call] make one. The
// zero Call has no function to run.
type Call[T any] struct {
	// at is the link that the call has reached, whose policy was given this Call
	// and whose successor runs next. It is nil for a call without policies. Two
	// words rather than a chain and an index: every policy passes a Call on, and
	// that is one register less at each of them.
	at *link[T]
	fn Func[T]
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
	if c.at == nil || c.at.next == nil {
		return c.fn(ctx)
	}
	c.at = c.at.next
	return c.at.policy.Execute(ctx, c)
}

// Observed reports whether somebody listens to Emit, for a policy that would
// have to work (to read a clock, say) for the sake of an event alone.
func (c Call[T]) Observed() bool { return c.at != nil && c.at.observer != nil }

// Emit tells the pipeline's observers of e, under the pipeline's name. It costs
// nothing when there are none.
func (c Call[T]) Emit(ctx context.Context, e Event) {
	if c.Observed() {
		e.Pipeline = c.at.name
		c.at.observer(ctx, e)
	}
}
