package policy

import (
	"context"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/refusal"
	"github.com/ductile-go/ductile/internal/same"
)

// WithKey returns a policy that runs p as one member of a family. Events of p, and of
// the policies inside it, have their Key set to key. Package keyed uses it for hosts,
// tenants and routes. WithKey panics if p is nil.
func WithKey[T any](key string, p Policy[T]) Policy[T] {
	if same.Nil(p) {
		panic("policy: WithKey: p is nil, want a policy")
	}
	return &member[T]{key: key, policy: p}
}

type member[T any] struct {
	key    string
	policy Policy[T]
	places places[T] // copies of the links that call it, with the key
}

func (m *member[T]) Execute(ctx context.Context, next Call[T]) (T, error) {
	l := m.places.find(next.at)
	if l == nil {
		l = m.place(next.at)
	}
	next.at = &l.entry
	return m.policy.Execute(ctx, next)
}

// place makes the link for a place, and keeps it.
func (m *member[T]) place(at *link[T]) *placed[T] {
	l := &placed[T]{at: at}
	if at != nil {
		l.entry = *at
	}
	l.entry.key, l.entry.prompt, l.entry.watched = m.key, false, watched(l.entry.audience, m.policy)
	l.entry.last = new(atomic.Pointer[placed[T]])
	m.places.keep(l)
	return l
}

func (m *member[T]) Refusal(ctx context.Context, after time.Duration) error {
	return refusal.Of(ctx, m.policy, after)
}

func (m *member[T]) Describe() Description { return Describe(m.policy) }
