package policy

import (
	"context"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/refusal"
)

// WithKey returns a policy that runs p as a member of a family: the events of p, and
// of the policies inside of p, have key as their Key. Package keyed makes one for each
// host, tenant or route.
func WithKey[T any](key string, p Policy[T]) Policy[T] { return &member[T]{key: key, policy: p} }

type member[T any] struct {
	key    string
	policy Policy[T]
	// linked is the last link that was made. Two callers from different places may each
	// make and store theirs; each uses its own.
	linked atomic.Pointer[memberLink[T]]
}

// memberLink is the link at, where a family's policy stands, with a member's key.
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
