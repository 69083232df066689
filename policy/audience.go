package policy

import (
	"context"
	"slices"

	"github.com/ductile-go/ductile/internal/prompt"
)

// Listener is an observer with the kinds of events that it wants. No kinds means all.
type Listener struct {
	Observe Observer
	Kinds   []EventKind
}

// cloned returns a copy of listeners that shares no memory with them.
func cloned(listeners []Listener) []Listener {
	all := slices.Clone(listeners)
	for i := range all {
		all[i].Kinds = slices.Clone(all[i].Kinds)
	}
	return all
}

// audience is all listeners to the events of one pipeline: its own first, then those of
// the pipelines around it.
type audience struct {
	all       bool   // a listener wants all kinds
	filter    uint64 // a bit for each kind wanted; two kinds may share one
	kinds     []EventKind
	listeners []Listener
	only      Observer // the listener's function if there is one listener and it wants all kinds
}

// audienceOf returns the audience of inner followed by outer, or nil if both are empty.
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

// bit returns a kind's bit in the filter. Two kinds may share one: the filter only saves
// most searches of the list of kinds.
func bit(k EventKind) uint64 {
	if k == "" {
		return 1
	}
	return 1 << ((uint(len(k))*5 + uint(k[0]) + 3*uint(k[len(k)-1])) % 64)
}

// wants reports whether a listener wants the kind. It is kept out of line so that
// Call.Observed can be inlined: an unobserved call then costs two comparisons with nil.
//
//go:noinline
func (a *audience) wants(k EventKind) bool {
	return a.all || a.filter&bit(k) != 0 && slices.Contains(a.kinds, k)
}

// watched reports whether a may want an event for which p leaves its fast path.
func watched(a *audience, p any) bool {
	if a == nil {
		return false
	}
	mark, _ := prompt.Of(p)
	return len(mark.Emits) == 0 || slices.ContainsFunc(mark.Emits, func(k string) bool { return a.wants(EventKind(k)) })
}

// send passes e to the listeners that want its kind.
func (a *audience) send(ctx context.Context, e *Event) {
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
