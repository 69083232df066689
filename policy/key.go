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
	// linked is the last link made. Two goroutines that arrive from different places
	// may overwrite each other's; each of them uses its own.
	linked atomic.Pointer[memberLink[T]]
}

// memberLink is a copy of the link at, with the member's key.
type memberLink[T any] struct {
	at   *link[T] // nil for a call without policies
	with link[T]
}

func (m *member[T]) Execute(ctx context.Context, next Call[T]) (T, error) {
	l := m.linked.Load()
	if l == nil || l.at != next.at {
		l = m.link(next.at)
	}
	next.at = &l.with
	return m.policy.Execute(ctx, next)
}

func (m *member[T]) link(at *link[T]) *memberLink[T] {
	l := &memberLink[T]{at: at}
	if at != nil {
		l.with = *at
	}
	l.with.key, l.with.prompt, l.with.watched = m.key, false, watched(l.with.audience, m.policy)
	l.with.last = new(atomic.Pointer[relinking[T]])
	m.linked.Store(l)
	return l
}

func (m *member[T]) Refusal(ctx context.Context, after time.Duration) error {
	return refusal.Of(ctx, m.policy, after)
}

func (m *member[T]) Describe() Description { return Describe(m.policy) }
