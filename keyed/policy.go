package keyed

import (
	"context"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/internal/refusal"
	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/policy"
)

// Policy returns a policy that runs each call through of(v), where v is the value of the
// call's key in m. The function key returns that key; if it returns false, the call runs
// without a policy. The value is pinned until the call has ended; see [Map.Pin].
//
// of is called once for each value, at its first call, and once for the overflow value.
// It must not return nil, and must not run calls of the same key through the returned
// policy. Several Policies of one Map each call their own of. Events of of(v), and of
// policies inside of it, carry the key in Event.Key, in the format of [fmt.Sprint].
// Events of the overflow value have no key.
//
// key is called on the goroutine of the call: once for each call, and once more when a
// retry outside of this policy asks whether its next attempt would be refused. key and of
// must be safe for concurrent use. A call for a known key allocates nothing. Only
// [Map.Forget] drops a value that calls run with; they continue with it.
//
// Create a Policy once for each Map, and not at each reload of a configuration: the
// policies built on a value live as long as the value. Policy panics if an argument is
// nil, or if m is a zero Map.
func Policy[T any, K comparable, V Idler](m *Map[K, V], key func(ctx context.Context) (K, bool), of func(V) policy.Policy[T]) policy.Policy[T] {
	switch {
	case m == nil:
		panic("keyed: Policy: m is nil, want a map made by New")
	case m.table.Load() == nil:
		panic("keyed: Policy: m is a zero Map, want a map made by New")
	case key == nil:
		panic("keyed: Policy: key is nil, want a function that returns the key of a call")
	case of == nil:
		panic("keyed: Policy: of is nil, want a function that returns the policy for a value")
	}
	return &family[T, K, V]{m: m, id: m.families.Add(1), key: key, of: of}
}

type family[T any, K comparable, V Idler] struct {
	m   *Map[K, V]
	id  int64
	key func(ctx context.Context) (K, bool)
	of  func(V) policy.Policy[T]
}

// attached is the policy that one family has built on a value, in a list of them.
type attached struct {
	family int64
	policy any // a *lazy[built[T]]
	next   *attached
}

type built[T any] struct{ policy policy.Policy[T] }

// Execute runs next through the policy of the call's key.
func (f *family[T, K, V]) Execute(ctx context.Context, next policy.Call[T]) (T, error) {
	if ctx.Err() != nil {
		var zero T
		return zero, policy.Ended(ctx)
	}
	k, ok := f.key(ctx)
	if !ok {
		return next.Do(ctx)
	}
	e, held := f.m.pin(k)
	if held != nil {
		defer held.Add(-1)
	}
	return f.policy(e).Execute(ctx, next)
}

// Refusal asks the policy of the call's key whether it would refuse the call. It adds no
// member: for an unknown key it asks the policy of the overflow value if the call would get
// that, and else returns nil, since a new value refuses no call.
func (f *family[T, K, V]) Refusal(ctx context.Context, after time.Duration) error {
	k, ok := f.key(ctx)
	if !ok {
		return nil
	}
	e := f.m.peek(k)
	if e == nil {
		if e = f.m.shared(k); e == nil {
			return nil
		}
	}
	return refusal.Of(ctx, f.policy(e), after)
}

// policy returns the family's policy on the value of e.
func (f *family[T, K, V]) policy(e *entry[K, V]) policy.Policy[T] {
	l := f.attached(e.policies.Load())
	if l == nil {
		l = f.attach(e)
	}
	if b := l.made.Load(); b != nil {
		return b.policy
	}
	return l.get(f.m.config.Clock, func() *built[T] { return f.build(e) }).policy
}

// attached returns the family's policy in a list, or nil.
func (f *family[T, K, V]) attached(list *attached) *lazy[built[T]] {
	for ; list != nil; list = list.next {
		if list.family == f.id {
			return list.policy.(*lazy[built[T]])
		}
	}
	return nil
}

// attach adds a policy of the family to e, or returns the one that another goroutine has
// just added.
func (f *family[T, K, V]) attach(e *entry[K, V]) *lazy[built[T]] {
	for {
		list := e.policies.Load()
		if l := f.attached(list); l != nil {
			return l
		}
		l := new(lazy[built[T]])
		if e.policies.CompareAndSwap(list, &attached{family: f.id, policy: l, next: list}) {
			return l
		}
	}
}

func (f *family[T, K, V]) build(e *entry[K, V]) *built[T] {
	p := f.of(e.value)
	if same.Nil(p) {
		panic(fmt.Sprintf("keyed: Policy: of returned nil for the value of the key %v: return a policy for every value", e.key))
	}
	if e == f.m.overflow.made.Load() {
		return &built[T]{policy: p}
	}
	return &built[T]{policy: policy.WithKey(fmt.Sprint(e.key), p)}
}

// Clock returns the clock of the map, on which a pipeline measures its calls.
func (f *family[T, K, V]) Clock() policy.Clock { return f.m.config.Clock }

// Describe returns the kind, "keyed", and the config of the map with its current bounds.
// It describes no inner policies, since they depend on the call.
func (f *family[T, K, V]) Describe() policy.Description {
	cfg := f.m.config
	cfg.Max, cfg.Idle = f.m.bounds()
	return policy.Description{Kind: "keyed", Config: cfg}
}

// String returns "keyed".
func (f *family[T, K, V]) String() string { return f.Describe().String() }
