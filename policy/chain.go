package policy

import (
	"context"
	"slices"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/prompt"
	"github.com/ductile-go/ductile/internal/refusal"
	"github.com/ductile-go/ductile/internal/stopwatch"
)

// Chain is a named sequence of policies with observers: what a pipeline runs. Most
// callers want package pipeline instead. A Chain is immutable and safe for
// concurrent use. The zero Chain is a pass-through.
//
// A Chain is itself a Policy. A chain in a chain is flattened into it when the
// outer one is made, so nesting costs nothing per call.
type Chain[T any] struct {
	name      string
	policies  []Policy[T]
	listeners []Listener
	entry     link[T]                       // has no policy; calls begin here
	relinked  *atomic.Pointer[relinking[T]] // the last one; see Execute
}

// link is one policy, and who hears its events: the listeners of the pipeline that
// it belongs to and of those around that.
type link[T any] struct {
	next     *link[T] // nil for the last; then comes the function
	policy   Policy[T]
	audience *audience // nil without observers
	name     string    // the pipeline's
	key      string    // of the family's member that the call runs through; empty for none
	// last is the last relinking that was made for this place, if it is a member's.
	last *atomic.Pointer[relinking[T]]
	// prompt: every policy since the last finisher runs the next at once, and this one
	// takes its time itself. Others may hand their Call on, late, to policies that they
	// hold.
	prompt  bool
	watched bool // the audience may want events of the policy
}

// label fills in what e says about where it comes from.
func (l *link[T]) label(e *Event) {
	e.Pipeline = l.name
	if l.key != "" {
		e.Key = l.key
	}
}

// relinking is a chain's links made anew for a place inside a policy that is not
// a chain: heard by the listeners around it, and followed by the policies that
// follow it there.
type relinking[T any] struct {
	chain *Chain[T]
	at    *link[T] // the place
	entry link[T]
}

// NewChain returns the chain of the given policies, the first outermost. The name
// may be empty. The policies and the listeners' functions must not be nil.
func NewChain[T any](name string, listeners []Listener, policies ...Policy[T]) *Chain[T] {
	c := &Chain[T]{
		name: name, policies: slices.Clone(policies), listeners: slices.Clone(listeners),
		relinked: new(atomic.Pointer[relinking[T]]),
	}
	c.link(&c.entry, nil, "")
	return c
}

// Name returns the chain's name.
func (c *Chain[T]) Name() string { return c.name }

// Policies returns a copy of the policies as they were given, outermost first.
func (c *Chain[T]) Policies() []Policy[T] { return slices.Clone(c.policies) }

// Listeners returns a copy of the chain's own listeners, in the order added.
func (c *Chain[T]) Listeners() []Listener { return slices.Clone(c.listeners) }

// Call returns a call of fn through the chain. It panics if fn is nil.
func (c *Chain[T]) Call(fn Func[T]) Call[T] {
	if fn == nil {
		panic("policy: Chain.Call: fn is nil, want a function")
	}
	return Call[T]{at: &c.entry, fn: fn}
}

// Execute runs next inside the chain. It is called where the chain stands inside a
// policy that is not a chain, such as a router; a chain in a chain is flattened.
//
// Its links are then made anew, once for each place that it is called from. The last
// such links are kept: by the chain, for a router that holds several, and by the place
// if it is one of a family's, whose members may share a chain. Two callers from
// different places may each make and store theirs; each runs through its own.
func (c *Chain[T]) Execute(ctx context.Context, next Call[T]) (T, error) {
	at := next.at
	switch {
	case at == nil || at.audience == nil && at.next == nil && at.key == "":
		next.at = &c.entry
		return next.Do(ctx)
	case c.relinked == nil: // a zero Chain adds nothing
		return next.Do(ctx)
	}
	r := c.relinked.Load()
	if r == nil || r.at != at {
		r = c.relink(at)
	}
	next.at = &r.entry
	return next.Do(ctx)
}

// relink returns the links of c for a place, made anew unless the place has them.
func (c *Chain[T]) relink(at *link[T]) *relinking[T] {
	if at.last != nil {
		if r := at.last.Load(); r != nil && r.chain == c {
			return r
		}
	}
	r := &relinking[T]{chain: c, at: at}
	last := c.link(&r.entry, at.audience, at.key)
	last.next = at.next
	if at.last != nil {
		at.last.Store(r)
	} else {
		c.relinked.Store(r)
	}
	return r
}

// Refusal asks the chain's policies in order, as [Call.Refusal] does.
func (c *Chain[T]) Refusal(ctx context.Context, after time.Duration) error {
	return c.entry.refusal(ctx, after)
}

// refusal asks the links after l.
func (l *link[T]) refusal(ctx context.Context, after time.Duration) error {
	for l = l.next; l != nil; l = l.next {
		if err := refusal.Of(ctx, l.policy, after); err != nil {
			return err
		}
	}
	return nil
}

// link makes the links of c behind entry, where outer listens around c and key is
// the member's that c belongs to, and returns the last of them.
func (c *Chain[T]) link(entry *link[T], outer *audience, key string) *link[T] {
	last := entry
	c.flatten(outer, false, func(l link[T]) {
		l.key, l.watched = key, watched(l.audience, l.policy)
		last.next = &l
		last = last.next
	})
	return last
}

// flatten yields the links of c and of the chains in it, in order, and reports
// whether the reading of the last finisher is still good behind them. A chain
// whose beginning or end somebody wants to hear of begins with a finisher.
func (c *Chain[T]) flatten(outer *audience, fresh bool, yield func(link[T])) bool {
	audience := audienceOf(c.listeners, outer)
	if audience != nil && (audience.wants(Started) || audience.wants(Finished)) {
		yield(link[T]{policy: finisher[T]{clockOf(c.policies)}, audience: audience, name: c.name, prompt: fresh})
		fresh = true
	}
	for _, p := range c.policies {
		if nested, ok := p.(*Chain[T]); ok { // and not a type that embeds one, which may act otherwise
			fresh = nested.flatten(audience, fresh, yield)
			continue
		}
		mark, marked := prompt.Of(p)
		yield(link[T]{policy: p, audience: audience, name: c.name, prompt: fresh && marked})
		fresh = fresh && marked && !mark.Late
	}
	return fresh
}

// finisher emits Started, and Finished when what is inside of it has ended,
// whatever way it ended.
type finisher[T any] struct{ clock Clock }

func (f finisher[T]) Execute(ctx context.Context, next Call[T]) (T, error) {
	if !next.Observed(Finished) {
		next.Emit(ctx, Event{Kind: Started})
		return next.Do(ctx)
	}
	run := finishing[T]{ctx: ctx, next: next, err: ErrNoReturn}
	run.next.record = newRecord(next.record)
	defer run.finished()
	// What observers of Started take is no part of a limit inside, nor of Elapsed.
	if next.Observed(Started) {
		next.Emit(ctx, Event{Kind: Started})
		run.watch = stopwatch.New(f.clock)
	} else {
		run.watch = next.Stopwatch(f.clock)
	}
	run.begun = true
	start, _ := run.watch.Reading()
	run.next.record.start.Store(start)
	v, err := run.next.Do(ctx)
	run.err = err
	return v, err
}

// finishing is a call on its way through a finisher.
type finishing[T any] struct {
	ctx   context.Context
	next  Call[T]
	watch stopwatch.Watch
	begun bool // watch was started
	err   error
}

func (f *finishing[T]) finished() {
	rec := f.next.record
	e := Event{Kind: Finished, Attempt: 1 + int(rec.again.Load()), Err: f.err}
	outer := rec.outer.Load()
	start, realTime := f.watch.Reading()
	switch {
	case !f.begun: // an observer of Started panicked
	case f.err == nil && realTime && e.Attempt == 1:
		ended := rec.lap(start)
		e.Elapsed = time.Duration(ended - start)
		if outer != nil && f.next.at.prompt {
			outer.ended.Store(ended)
		}
	default:
		e.Elapsed = f.watch.Elapsed()
	}
	if outer != nil {
		rec.outer.Store(nil)
	}
	if by := rec.rescuer.Load(); by != nil && f.err == nil {
		e.Reason = *by
	}
	f.next.Emit(f.ctx, e)
}

// Refusal returns nil: the policies inside are asked.
func (finisher[T]) Refusal(context.Context, time.Duration) error { return nil }

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
