package policy

import (
	"context"
	"strings"
	"time"
)

// Chain is a named sequence of policies with an observer: what a pipeline runs.
// Most callers want package pipeline instead. A Chain is immutable and safe for
// concurrent use. The zero Chain is a pass-through.
//
// A Chain is itself a Policy. One that stands in another is flattened into it
// when the outer one is made, so nesting costs nothing per call.
type Chain[T any] struct {
	name     string
	policies []Policy[T]
	observer Observer
	entry    link[T] // has no policy; where calls begin
}

// link is one policy and whom its events are told to: the observers of the
// pipeline that it belongs to and of those around that.
type link[T any] struct {
	next     *link[T] // nil for the last: then comes the function
	policy   Policy[T]
	observer Observer
	name     string // the pipeline's
}

// NewChain returns the chain of the given policies, the first outermost. An
// empty name and a nil observer are fine; a nil policy is not, and is for the
// caller to refuse.
func NewChain[T any](name string, observer Observer, policies ...Policy[T]) *Chain[T] {
	c := &Chain[T]{name: name, policies: append([]Policy[T](nil), policies...), observer: observer}
	c.link(nil)
	return c
}

// Name returns the chain's name.
func (c *Chain[T]) Name() string { return c.name }

// Observer returns the chain's own observer, or nil.
func (c *Chain[T]) Observer() Observer { return c.observer }

// Policies returns a copy of the policies as they were given, outermost first.
func (c *Chain[T]) Policies() []Policy[T] { return append([]Policy[T](nil), c.policies...) }

// String describes the policies, outermost first: "retry(3) > breaker(stripe)", or
// "pass-through" where there is none.
func (c *Chain[T]) String() string {
	if len(c.policies) == 0 {
		return "pass-through"
	}
	parts := make([]string, len(c.policies))
	for i, p := range c.policies {
		parts[i] = Describe(p)
	}
	return strings.Join(parts, " > ")
}

// Call returns a call of fn through the chain. It panics when fn is nil.
func (c *Chain[T]) Call(fn Func[T]) Call[T] {
	if fn == nil {
		panic("policy: Chain.Call: fn is nil, want a function")
	}
	return Call[T]{at: &c.entry, fn: fn}
}

// Execute runs next inside the chain. It is the way in for a chain that stands
// in a policy of somebody else's making; a chain in a chain is flattened.
func (c *Chain[T]) Execute(ctx context.Context, next Call[T]) (T, error) {
	inner := c
	if next.Observed() {
		inner = &Chain[T]{name: c.name, policies: c.policies, observer: c.observer}
		inner.link(next.at.observer)
	}
	fn := next.fn
	if next.at != nil && next.at.next != nil {
		fn = next.Do
	}
	return inner.Call(fn).Do(ctx)
}

// link makes the links of c, where outer observes the chains around it.
func (c *Chain[T]) link(outer Observer) {
	last := &c.entry
	c.flatten(outer, func(l link[T]) {
		last.next = &l
		last = last.next
	})
}

// flatten yields the links of c and of the chains in it, in order. An observed
// chain begins with a link that tells of its end.
func (c *Chain[T]) flatten(outer Observer, yield func(link[T])) {
	observer := Observers(c.observer, outer)
	if observer != nil {
		yield(link[T]{policy: finisher[T]{clockOf(c.policies)}, observer: observer, name: c.name})
	}
	for _, p := range c.policies {
		if nested, ok := p.(*Chain[T]); ok { // and not what embeds one, which may do otherwise
			nested.flatten(observer, yield)
			continue
		}
		yield(link[T]{policy: p, observer: observer, name: c.name})
	}
}

// finisher emits Finished when what is inside it has ended, however it ended.
type finisher[T any] struct{ clock Clock }

func (f finisher[T]) Execute(ctx context.Context, next Call[T]) (v T, err error) {
	start := Now(f.clock)
	err = ErrNoReturn
	defer func() {
		next.Emit(ctx, Event{Kind: Finished, Elapsed: max(0, Elapsed(f.clock, start)), Err: err})
	}()
	v, err = next.Do(ctx)
	return v, err
}

// clockOf returns the clock of the outermost policy that has one, so that a
// pipeline under test is measured in virtual time.
func clockOf[T any](policies []Policy[T]) Clock {
	for _, p := range policies {
		switch p := p.(type) {
		case interface{ Clock() Clock }:
			if c := p.Clock(); c != nil {
				return c
			}
		case *Chain[T]:
			if c := clockOf(p.policies); c != nil {
				return c
			}
		}
	}
	return nil
}

// Describe returns what p's String method says of it, or the name of its type.
func Describe(p any) string {
	if s, ok := p.(interface{ String() string }); ok {
		return s.String()
	}
	return typeName(p)
}

// Elapsed returns the time since start on clock; nil means real time.
func Elapsed(clock Clock, start time.Time) time.Duration { return Now(clock).Sub(start) }
