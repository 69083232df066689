package policy

import (
	"cmp"
	"context"
	"slices"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/prompt"
	"github.com/ductile-go/ductile/internal/refusal"
	"github.com/ductile-go/ductile/internal/stopwatch"
)

// Chain is a named sequence of policies with observers, the engine of package pipeline.
// Most callers want that package instead. A Chain is immutable and safe for concurrent
// use. The zero Chain passes calls through.
//
// A Chain is itself a Policy. A chain within a chain is flattened when the outer one is
// made, so nesting costs nothing per call.
type Chain[T any] struct {
	name      string
	key       string // of the family member that the chain runs for, or ""
	policies  []Policy[T]
	listeners []Listener
	entry     link[T]    // has no policy; every call begins here
	places    *places[T] // where Execute was called from; nil for the zero Chain
}

// link is one policy of a chain, with the observers of its events: the listeners of its
// pipeline, then those of the pipelines around.
type link[T any] struct {
	next     *link[T] // nil for the last policy, whose next is the function
	policy   Policy[T]
	audience *audience // nil if there are no observers
	name     string    // the pipeline's name
	key      string    // the key of the member that the call runs through, or ""
	// last has the last links that a chain made for this place. It is set for a member only.
	last *atomic.Pointer[placed[T]]
	// prompt is true if every policy since the last finisher calls the next one
	// immediately and so does this one. Other policies may keep their Call and pass it
	// to policies of their own later, when a clock reading is out of date.
	prompt  bool
	watched bool // the audience may want events of this policy
}

// label sets the fields of e that say where it comes from.
func (l *link[T]) label(e *Event) {
	e.Pipeline = l.name
	if l.key != "" {
		e.Key = l.key
	}
}

// NewChain returns a chain of policies, the first outermost. The name may be empty. No
// policy and no listener's function may be nil.
func NewChain[T any](name string, listeners []Listener, policies ...Policy[T]) *Chain[T] {
	c := &Chain[T]{
		name: name, policies: slices.Clone(policies), listeners: cloned(listeners),
		places: new(places[T]),
	}
	c.link(&c.entry, nil, "")
	return c
}

// WithKey returns a copy that runs as the member of a family: events of its policies, and
// of the policies inside them, have their Key set to key.
func (c *Chain[T]) WithKey(key string) *Chain[T] {
	keyed := &Chain[T]{
		name: c.name, key: key, policies: c.policies, listeners: c.listeners,
		places: new(places[T]),
	}
	keyed.link(&keyed.entry, nil, key)
	return keyed
}

// Name returns the chain's name, or "" if it has none.
func (c *Chain[T]) Name() string { return c.name }

// Policies returns a copy of the policies that were given, outermost first.
func (c *Chain[T]) Policies() []Policy[T] { return slices.Clone(c.policies) }

// Listeners returns a copy of the chain's own listeners, in the order added.
func (c *Chain[T]) Listeners() []Listener { return cloned(c.listeners) }

// Call returns a call of fn through the chain. It panics if fn is nil.
func (c *Chain[T]) Call(fn Func[T]) Call[T] {
	if fn == nil {
		panic("policy: Chain.Call: fn is nil, want a function")
	}
	return Call[T]{at: &c.entry, fn: fn}
}

// Execute runs next inside the chain. It is called only if the chain is inside a policy
// that is not a chain, such as a router; a chain directly in a chain is flattened.
//
// The links are then copied, once for each place that Execute is called from. The copies are
// kept: by the chain, which serves a router or several pipelines, and by the place if it
// belongs to a keyed family, whose members may be many and share one chain.
func (c *Chain[T]) Execute(ctx context.Context, next Call[T]) (T, error) {
	switch {
	case next.at.bare():
		next.at = &c.entry
	case c.places != nil: // the zero Chain has no policies
		next.at = &c.linksAt(next.at).entry
	}
	return next.Do(ctx)
}

// linksAt returns the links of c for a place, those that are kept or new ones.
func (c *Chain[T]) linksAt(at *link[T]) *placed[T] {
	if at.last == nil {
		if l := c.places.find(at); l != nil {
			return l
		}
	} else if l := at.last.Load(); l != nil && l.chain == c {
		return l
	}
	return c.place(at)
}

// place makes the links of c for a place, and keeps them.
func (c *Chain[T]) place(at *link[T]) *placed[T] {
	l := &placed[T]{chain: c, at: at}
	last := c.link(&l.entry, at.audience, at.key)
	last.next = at.next
	if at.last == nil {
		c.places.keep(l)
	} else {
		at.last.Store(l)
	}
	return l
}

// bare reports whether nothing around a chain at this place, or after it, needs the
// chain's links to be copied.
func (l *link[T]) bare() bool {
	return l == nil || l.audience == nil && l.next == nil && l.key == ""
}

// Refusal asks the chain's policies in order; see [Call.Refusal].
func (c *Chain[T]) Refusal(ctx context.Context, after time.Duration) error {
	return c.entry.refusal(ctx, after)
}

// refusal asks the policies after l.
func (l *link[T]) refusal(ctx context.Context, after time.Duration) error {
	for l = l.next; l != nil; l = l.next {
		if err := refusal.Of(ctx, l.policy, after); err != nil {
			return err
		}
	}
	return nil
}

// link makes the links of c after entry and returns the last one. outer are the
// listeners around c, and key is the key of the member that the place belongs to.
func (c *Chain[T]) link(entry *link[T], outer *audience, key string) *link[T] {
	last := entry
	c.flatten(outer, key, false, func(l link[T]) {
		l.watched = watched(l.audience, l.policy)
		last.next = &l
		last = last.next
	})
	return last
}

// flatten passes the links of c and of the chains in it to yield, in order. It reports
// whether the clock reading of the last finisher still holds after them. A chain gets a
// finisher if a listener wants its Started or Finished events.
func (c *Chain[T]) flatten(outer *audience, key string, fresh bool, yield func(link[T])) bool {
	audience := audienceOf(c.listeners, outer)
	key = cmp.Or(c.key, key)
	if audience != nil && (audience.wants(Started) || audience.wants(Finished)) {
		yield(link[T]{policy: finisher[T]{clockOf(c.policies)}, audience: audience, name: c.name, key: key, prompt: fresh})
		fresh = true
	}
	for _, p := range c.policies {
		if nested, ok := p.(*Chain[T]); ok { // not a type that embeds a Chain, whose methods may differ
			fresh = nested.flatten(audience, key, fresh, yield)
			continue
		}
		mark, marked := prompt.Of(p)
		yield(link[T]{policy: p, audience: audience, name: c.name, key: key, prompt: fresh && marked})
		fresh = fresh && marked && !mark.Late
	}
	return fresh
}

// finisher emits Started before the call inside it, and Finished after it, even if the
// call panics.
type finisher[T any] struct{ clock Clock }

func (f finisher[T]) Execute(ctx context.Context, next Call[T]) (T, error) {
	if !next.Observed(Finished) {
		next.Emit(ctx, Event{Kind: Started})
		return next.Do(ctx)
	}
	run := finishing[T]{ctx: ctx, next: next, err: ErrNoReturn}
	run.next.record = newRecord(next.record)
	defer run.finished()
	// The time that observers of Started take is not part of Elapsed or of a limit
	// inside.
	if next.Observed(Started) {
		next.Emit(ctx, Event{Kind: Started})
		run.watch = stopwatch.New(f.clock)
	} else {
		run.watch = next.Stopwatch(f.clock)
	}
	run.begun = true
	run.next.record.start.Store(run.watch.At)
	v, err := run.next.Do(ctx)
	run.err = err
	return v, err
}

// finishing is one call inside a finisher.
type finishing[T any] struct {
	ctx   context.Context
	next  Call[T]
	watch stopwatch.Watch
	begun bool // watch has been started
	err   error
}

func (f *finishing[T]) finished() {
	rec := f.next.record
	e := Event{Kind: Finished, Attempt: 1 + int(rec.again.Load()), Err: f.err}
	outer := rec.outer.Load()
	switch {
	case !f.begun: // an observer of Started panicked
	case f.err == nil && f.watch.Clock == nil && e.Attempt == 1:
		ended := rec.lap(f.watch.At)
		e.Elapsed = time.Duration(ended - f.watch.At)
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

// Refusal returns nil, so that the search goes on inside.
func (finisher[T]) Refusal(context.Context, time.Duration) error { return nil }

// clockOf returns the clock of the outermost policy that has one, so that a pipeline in
// a test is measured in virtual time.
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
