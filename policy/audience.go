package policy

import (
	"context"
	"slices"

	"github.com/ductile-go/ductile/internal/prompt"
)

// Listener is an observer and the kinds of events that it wants; without any, it
// wants all.
type Listener struct {
	Observe Observer
	Kinds   []EventKind
}

// audience is everybody who listens to the events of one pipeline: its own
// listeners first, then those of the pipelines around it.
type audience struct {
	all       bool   // some listener wants all kinds
	filter    uint64 // a bit for each kind wanted; kinds may share one
	kinds     []EventKind
	listeners []Listener
	only      Observer // the only listener's, if it wants all kinds
}

// audienceOf returns the audience of inner and then outer, or nil if it is empty.
func audienceOf(inner []Listener, outer *audience) *audience {
	a := &audience{listeners: slices.Clone(inner)}
	if outer != nil {
		a.listeners = append(a.listeners, outer.listeners...)
	}
	for _, l := range a.listeners {
		a.all = a.all || len(l.Kinds) == 0
		for _, k := range l.Kinds {
			a.filter |= bit(k)
			a.kinds = append(a.kinds, k)
		}
	}
	switch len(a.listeners) {
	case 0:
		return nil
	case 1:
		if a.all {
			a.only = a.listeners[0].Observe
		}
	}
	return a
}

// bit returns a kind's bit in a filter. Of the kinds of this module no two that
// are emitted on a hot path share one.
func bit(k EventKind) uint64 {
	if k == "" {
		return 1
	}
	return 1 << ((uint(len(k))*5 + uint(k[0]) + 3*uint(k[len(k)-1])) % 64)
}

// wants reports whether a listener wants the kind. It is not inlined, so that
// Call.Observed is: unobserved calls then only compare two pointers with nil.
//
//go:noinline
func (a *audience) wants(k EventKind) bool {
	return a.all || a.filter&bit(k) != 0 && slices.Contains(a.kinds, k)
}

// watched reports whether a may want events for which p leaves its fast path.
func watched(a *audience, p any) bool {
	if a == nil {
		return false
	}
	mark, _ := prompt.Of(p)
	return len(mark.Emits) == 0 || slices.ContainsFunc(mark.Emits, func(k string) bool { return a.wants(EventKind(k)) })
}

// tell hands e to those who want it.
func (a *audience) tell(ctx context.Context, e *Event) {
	if a.only != nil {
		a.only(ctx, *e)
		return
	}
	for i := range a.listeners {
		l := &a.listeners[i]
		if len(l.Kinds) == 0 || slices.Contains(l.Kinds, e.Kind) {
			l.Observe(ctx, *e)
		}
	}
}
