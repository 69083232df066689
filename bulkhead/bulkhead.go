package bulkhead

import (
	"context"
	"strconv"
	"time"

	"github.com/ductile-go/ductile/internal/gate"
	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/prompt"
	"github.com/ductile-go/ductile/policy"
)

// kind is the Policy field of a bulkhead's events.
const kind = "bulkhead"

// promptly is embedded by policies that run the inner call at once. A gate without a
// queue does: it takes its lock only to gather spread places.
type promptly = prompt.Mark

// emits lists the events of a call that did not get a place at once.
var emits = []string{string(policy.Rejected), string(policy.Queued), string(policy.Waited)}

// Bulkhead is a policy that takes a place in a gate for each call that returns T. Make
// one with [New]; the zero Bulkhead is not usable. It is immutable and safe for
// concurrent use. Any number of bulkheads may share a gate.
type Bulkhead[T any] struct {
	promptly
	gate *Gate
	keep func(ctx context.Context, v T, release func()) T
}

// New returns a policy that runs each call in a place of g. It panics if g is nil or a
// zero Gate.
func New[T any](g *Gate) *Bulkhead[T] {
	if !g.made() {
		panic("bulkhead: New: " + g.fault())
	}
	return &Bulkhead[T]{promptly: promptly{Late: g.core.Queues(), Emits: emits}, gate: g}
}

// WithKeep returns a copy for values that outlive the call, such as a response with an
// unread body, the rows of a query, or a stream. A successful call then keeps its place.
// It passes ctx, its value and a release function to hold, and returns the value that hold
// returns: usually a wrapper that calls release when it is closed.
//
// The first call of release gives the place back, from any goroutine; later calls do
// nothing. The end of ctx, the call's context, does not give the place back: the value
// may still be in use after it, and a timeout around the gate ends its context when the
// call returns. A value that is never closed therefore holds its place forever, just as
// an unclosed body holds its connection.
//
// A call that fails gives its place back at once, without a call of hold. If hold panics,
// the place is given back too. hold must be safe for concurrent use. WithKeep panics if
// hold is nil.
func (b *Bulkhead[T]) WithKeep(hold func(ctx context.Context, v T, release func()) T) *Bulkhead[T] {
	if hold == nil {
		panic("bulkhead: Bulkhead.WithKeep: hold is nil, want a function")
	}
	w := *b
	w.keep, w.Late = hold, true
	return &w
}

// Do runs fn in a place of g. It removes the outer marks of packages breaker and retry
// from the error. Its errors are those of [Gate.Acquire] and of fn. Do panics if g is nil
// or a zero Gate, or if fn is nil.
func Do[T any](ctx context.Context, g *Gate, fn policy.Func[T]) (T, error) {
	if !g.made() {
		panic("bulkhead: Do: " + g.fault())
	}
	b := Bulkhead[T]{gate: g}
	return b.Do(ctx, fn)
}

// Do runs fn in a place of the gate. It removes the outer marks of packages breaker and
// retry from the error. It panics if fn is nil.
func (b *Bulkhead[T]) Do(ctx context.Context, fn policy.Func[T]) (v T, err error) {
	if fn == nil {
		panic("bulkhead: Bulkhead.Do: fn is nil, want a function")
	}
	if b.keep != nil {
		v, err = b.Execute(ctx, policy.CallOf(fn))
		return v, mark.Without(err)
	}
	if ctx.Err() != nil {
		return v, policy.Ended(ctx)
	}
	// Inlines Execute, to save two calls on the way to fn.
	c, _ := b.gate.core.Enter()
	if c == nil {
		e, err := b.gate.core.EnterSlowly(ctx)
		if err != nil {
			return v, err
		}
		c = e.Cell
	}
	defer b.gate.core.Leave(c)
	v, err = fn(ctx)
	return v, mark.Without(err)
}

// Execute runs next in a place of the gate. The place is released when next returns,
// panics or calls runtime.Goexit.
func (b *Bulkhead[T]) Execute(ctx context.Context, next policy.Call[T]) (v T, err error) {
	if ctx.Err() != nil {
		return v, policy.Ended(ctx)
	}
	c, _ := b.gate.core.Enter()
	if c == nil {
		if c, err = b.enterSlowly(ctx, next); err != nil {
			return v, err
		}
	}
	if b.keep != nil {
		return b.hold(ctx, next, c)
	}
	defer b.gate.core.Leave(c)
	return next.Do(ctx)
}

// enterSlowly continues Execute after it found no place.
func (b *Bulkhead[T]) enterSlowly(ctx context.Context, next policy.Call[T]) (*gate.Cell, error) {
	var e gate.Entry
	var err error
	if next.HasObservers() {
		e, err = gate.EnterObserved(ctx, &b.gate.core, next)
	} else {
		e, err = b.gate.core.EnterSlowly(ctx)
	}
	next.Delayed() // it may have waited, also if the gate got its queue after New
	return e.Cell, err
}

// hold runs next in the place of c and passes its value to the function of WithKeep.
func (b *Bulkhead[T]) hold(ctx context.Context, next policy.Call[T], c *gate.Cell) (v T, err error) {
	p := &Place{gate: &b.gate.core, cell: c}
	kept := false
	defer func() {
		if !kept {
			p.Release()
		}
	}()
	if v, err = next.Do(ctx); err == nil {
		v = b.keep(ctx, v, p.Release)
		kept = true
	}
	return v, err
}

// Refusal returns nil, because a gate does not know how long it will be full. The
// policies inside are asked next.
func (b *Bulkhead[T]) Refusal(context.Context, time.Duration) error { return nil }

// Gate returns the gate of b.
func (b *Bulkhead[T]) Gate() *Gate { return b.gate }

// Name returns the gate's name.
func (b *Bulkhead[T]) Name() string { return b.gate.Name() }

// Clock returns the gate's clock, or nil for real time.
func (b *Bulkhead[T]) Clock() policy.Clock { return b.gate.core.Clock() }

// Describe returns the kind, "bulkhead", the gate's name, and its config with the current
// limit.
func (b *Bulkhead[T]) Describe() policy.Description {
	cfg := b.gate.Config()
	return policy.Description{Kind: kind, Name: cfg.Name, Detail: strconv.Itoa(cfg.Limit), Config: cfg}
}

// String returns "bulkhead(10)", or "bulkhead(name, 10)".
func (b *Bulkhead[T]) String() string { return b.Describe().String() }
