package registry

import (
	"context"
	"iter"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/ductile-go/ductile/breaker"
	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/policy"
)

// Family is a pipeline for each key, such as a host or a tenant. [Keyed] returns one; the
// zero Family is not usable. It is safe for concurrent use. Members are added by use, and
// dropped when they are idle, as those of a [keyed.Map]: those unused for FamilySpec.Idle,
// and the least recently used one when FamilySpec.Max is reached. While all are busy,
// other keys share one pipeline, whose circuit refuses no call.
type Family[T any] struct {
	*family
	t reflect.Type
}

// family is a Family of any T. Those of one name share their members.
type family struct {
	r       *Registry
	name    string
	members *keyed.Map[string, *member]
	// settled is the Spec that is in force. Only the goroutine that settles uses it.
	settled *Spec
	// stale makes the next settling look at all members again, because one of them was
	// made from an older state.
	stale atomic.Bool

	// mu guards all, which holds the members, those that are being made, and the one that
	// keys without room share. It is never held across a call out.
	mu  sync.Mutex
	all map[*member]struct{}
}

func newFamily(r *Registry, name string, s FamilySpec) *family {
	f := &family{r: r, name: name, all: map[*member]struct{}{}}
	f.members = keyed.New(keyed.Config[string, *member]{
		Make:     func(key string) *member { return f.make(key, false) },
		Overflow: func() *member { return f.make("", true) },
		OnDrop:   f.dropped,
		Max:      s.Max, Idle: s.Idle, Clock: r.env.clock,
	})
	return f
}

// make makes a member. An Apply that commits after the state was read may settle the
// family before the member is in all. So the state is read again once it is.
func (f *family) make(key string, overflow bool) *member {
	m := &member{family: f, key: key, overflow: overflow}
	s := f.r.held()
	m.make(s)
	f.mu.Lock()
	f.all[m] = struct{}{}
	f.mu.Unlock()
	if f.r.held().revision != s.revision {
		f.stale.Store(true)
		f.r.settleAside()
	}
	return m
}

func (f *family) dropped(key string, m *member) {
	f.mu.Lock()
	delete(f.all, m)
	f.mu.Unlock()
	if f.r.observer == nil {
		return
	}
	for _, name := range f.pipelines() {
		f.r.observer(context.Background(), policy.Event{Kind: policy.Forgotten, Pipeline: name, Key: key})
	}
}

// pipelines returns the names under which members emit events: the family's, and those of
// the pipelines inside.
func (f *family) pipelines() []string {
	s := f.r.held().families[f.name].spec
	names := []string{f.name}
	for _, inside := range s.tree(s.Families[f.name].Pipeline)[1:] {
		if inside != f.name {
			names = append(names, inside)
		}
	}
	return names
}

// declared returns the last declaration of the family.
func (f *family) declared() FamilySpec { return f.r.held().families[f.name].spec.Families[f.name] }

// settle puts what s declares in force.
func (f familyAt) settle(s *state) {
	declared := f.spec.Families[f.name]
	stale := f.stale.Swap(false)
	if !stale && f.settled != nil && f.declaredLike(f.settled) {
		f.settled = f.spec
		return
	}
	f.members.Reconfigure(declared.Max, declared.Idle)
	f.mu.Lock()
	all := slices.Collect(maps.Keys(f.all))
	f.mu.Unlock()
	for _, m := range all {
		m.settle(s, &declared)
	}
	f.settled = f.spec
}

// declaredLike reports whether another Spec declares the family as f.spec does.
func (f familyAt) declaredLike(was *Spec) bool {
	a, b := was.Families[f.name], f.spec.Families[f.name]
	return was == f.spec || equal(a, b) && equalTrees(was.treeOf("", &a), f.spec.treeOf("", &b))
}

// Keyed returns the family of that name for values of type T. Families of one name share
// their members with their circuits and limits; each T has caches, hedges, coalesces and
// chaos of its own. If there is no such family, the error names the nearest; if a function
// of its pipeline is not for T, the error says so.
func Keyed[T any](r *Registry, name string) (*Family[T], error) {
	key := typeOf[T](name)
	for {
		s := r.held()
		declared, ok := s.spec.Families[name]
		if !ok {
			return nil, unknown("families", name, slices.Collect(maps.Keys(s.spec.Families)))
		}
		family := &Family[T]{s.families[name].family, key.t}
		if s.typed[key] != nil {
			return family, nil
		}
		f := new(faults)
		checkTypes[T](&r.env, s.spec, declared.Pipeline, f)
		if err := f.err(); err != nil {
			return nil, err
		}
		check := func(e *env, s *Spec, f *faults) { checkTypes[T](e, s, s.Families[name].Pipeline, f) }
		if r.add(s, s.withTyped(key, check)) {
			return family, nil
		}
	}
}

// Name returns the name of the family.
func (f *family) Name() string { return f.name }

// Get returns the pipeline of a key, and adds it if the key has none. It counts as a use.
// If the member is dropped while a caller holds its pipeline, that pipeline still works but
// follows no later reload. So call Get for each call, or use [Family.Policy], which keeps
// members from being dropped while calls use them.
func (f *Family[T]) Get(key string) *Live[T] { return liveOf[T](f.members.Get(key), f.t) }

// Lookup returns the pipeline of a key if the key is a member. It adds nothing and
// does not count as a use.
func (f *Family[T]) Lookup(key string) (*Live[T], bool) {
	m, ok := f.members.Lookup(key)
	if !ok {
		return nil, false
	}
	return liveOf[T](m, f.t), true
}

// Circuit returns the circuit of a member. ok is false if the key is not a member, or the
// family declares no circuit.
func (f *family) Circuit(key string) (c *breaker.Circuit, ok bool) {
	m, ok := f.members.Lookup(key)
	if declared := f.declared(); !ok || !circuits.isMember(&declared) {
		return nil, false
	}
	c, ok = (*m.own.Load())[circuits.section].(*breaker.Circuit)
	return c, ok
}

// All returns an iterator over the members, in no order. An iteration does
// not count as a use.
func (f *Family[T]) All() iter.Seq2[string, *Live[T]] {
	return func(yield func(string, *Live[T]) bool) {
		for key, m := range f.members.All() {
			if !yield(key, liveOf[T](m, f.t)) {
				return
			}
		}
	}
}

// Len returns the number of members.
func (f *family) Len() int { return f.members.Len() }

// Forget drops a member, even if it is not idle, and reports whether it was one. Calls that
// have its pipeline continue with it.
func (f *family) Forget(key string) bool { return f.members.Forget(key) }

// Policy returns a policy that runs each call through the pipeline of the key that key
// returns for its context. If key returns false, the call runs without one. A member is
// not dropped while calls run with it. key must be safe for concurrent use; Policy panics if
// it is nil.
func (f *Family[T]) Policy(key func(ctx context.Context) (string, bool)) policy.Policy[T] {
	if key == nil {
		panic("registry: Family.Policy: key is nil, want a function that returns the key of a call")
	}
	return &familyPolicy[T]{f, key}
}

type familyPolicy[T any] struct {
	f   *Family[T]
	key func(ctx context.Context) (string, bool)
}

// Execute runs next through the pipeline of the call's key.
func (p *familyPolicy[T]) Execute(ctx context.Context, next policy.Call[T]) (T, error) {
	if ctx.Err() != nil {
		var zero T
		return zero, policy.Ended(ctx)
	}
	key, ok := p.key(ctx)
	if !ok {
		return next.Do(ctx)
	}
	pin := p.f.members.Pin(key)
	defer pin.Release()
	return liveOf[T](pin.Value(), p.f.t).Execute(ctx, next)
}

// Refusal asks the pipeline of the call's key, if the key is a member, or the one that it
// would share with other keys. It adds none.
func (p *familyPolicy[T]) Refusal(ctx context.Context, after time.Duration) error {
	key, ok := p.key(ctx)
	if !ok {
		return nil
	}
	m, ok := p.f.members.Lookup(key)
	if !ok {
		shared, full := p.f.members.Members().Shared(key)
		if !full {
			return nil
		}
		m = shared.(*member)
	}
	return liveOf[T](m, p.f.t).Refusal(ctx, after)
}

// Clock returns the clock of the registry, or nil for real time.
func (p *familyPolicy[T]) Clock() policy.Clock { return p.f.r.env.clock }

// Describe returns the kind, "keyed", and the family's name.
func (p *familyPolicy[T]) Describe() policy.Description {
	return policy.Description{Kind: "keyed", Name: p.f.name}
}

// String returns "keyed(name)".
func (p *familyPolicy[T]) String() string { return p.Describe().String() }
