package registry

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
)

// Live is a pipeline that follows the registry: each call runs through the policies that
// are declared when it begins. [Pipeline] and [Family.Get] return one; the zero Live is not
// usable. It is safe for concurrent use and is itself a policy, also inside of a pipeline.
// A call costs one atomic load more than that of a pipeline that cannot change.
type Live[T any] struct {
	r    *Registry
	name string // of the pipeline, or of the family
	now  policy.Switch[T]
	// tree is what now was built from. Only the goroutine that makes the Live uses it at
	// first, and then only the goroutine that settles.
	tree *tree
	of   *member // nil for a pipeline
	t    partsKey
}

// tree is the declarations that a pipeline was built from.
type tree struct {
	names     []string
	pipelines []PipelineSpec
	own       []bool // what a member has of its own, for each class
}

// Pipeline returns the pipeline of that name for values of type T. Two calls with one name
// and one T return the same Live. Pipelines of one name and different T share circuits,
// budgets, bulkheads, limits and throttles; each T has caches, hedges, coalesces and chaos
// of its own. If there is no such pipeline, the error names the nearest; if a function of
// it is not for T, the error says so. Keep the result, and call it; it follows the registry.
func Pipeline[T any](r *Registry, name string) (*Live[T], error) {
	key := typeOf[T](name)
	for {
		s := r.held()
		if _, ok := s.spec.Pipelines[name]; !ok {
			return nil, unknown("pipelines", name, slices.Collect(maps.Keys(s.spec.Pipelines)))
		}
		if l, ok := s.lives[key]; ok {
			return l.(*Live[T]), nil
		}
		f := new(faults)
		checkTypes[T](&r.env, s.spec, name, f)
		if err := f.err(); err != nil {
			return nil, err
		}
		l := &Live[T]{r: r, name: name, t: key}
		l.settle(s)
		// A state that has come meanwhile may declare another pipeline, and its Apply did
		// not see l. So l counts only if it is added to the state that it was built from.
		if r.add(s, s.withLive(key, l)) {
			return l, nil
		}
	}
}

// add replaces a state by one with a further Live.
func (r *Registry) add(was, is *state) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.CompareAndSwap(was, is)
}

// Name returns the name of the pipeline or of the family.
func (l *Live[T]) Name() string { return l.name }

// Key returns the key of a family's member, or "".
func (l *Live[T]) Key() string {
	if l.of == nil {
		return ""
	}
	return l.of.key
}

// Do runs fn through the pipeline. If ctx has already ended, nothing runs, and the error
// matches ctx.Err() and [context.Cause] of ctx. Do panics if fn is nil.
func (l *Live[T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	if fn == nil {
		panic("registry: Live.Do: fn is nil, want a function")
	}
	if ctx.Err() != nil {
		var zero T
		return zero, policy.Ended(ctx)
	}
	v, err := l.now.Call(fn).Do(ctx)
	if err != nil {
		err = mark.Without(err)
	}
	return v, err
}

// Wrap returns a function that runs fn through the pipeline as it is at each call. It
// panics if fn is nil.
func (l *Live[T]) Wrap(fn policy.Func[T]) policy.Func[T] {
	if fn == nil {
		panic("registry: Live.Wrap: fn is nil, want a function")
	}
	return func(ctx context.Context) (T, error) { return l.Do(ctx, fn) }
}

// Execute runs next inside the pipeline.
func (l *Live[T]) Execute(ctx context.Context, next policy.Call[T]) (T, error) {
	if ctx.Err() != nil {
		var zero T
		return zero, policy.Ended(ctx)
	}
	return l.now.Execute(ctx, next)
}

// Refusal asks the policies in order; see [policy.Call.Refusal].
func (l *Live[T]) Refusal(ctx context.Context, after time.Duration) error {
	return l.now.Refusal(ctx, after)
}

// Clock returns the clock of the registry, or nil for real time.
func (l *Live[T]) Clock() policy.Clock { return l.r.env.clock }

// Describe returns the pipeline's name and its current policies, outermost first.
func (l *Live[T]) Describe() policy.Description { return l.now.Describe() }

// String returns the current policies, "retry(3) > breaker(stripe)", or "pass-through" if
// there are none.
func (l *Live[T]) String() string { return l.Describe().String() }

// settle builds the pipeline from s, unless it is as s declares it. A pipeline that s does
// not declare stays as it is. If it is declared again, it is built again: the pipelines
// inside it may have other parts by then.
func (l *Live[T]) settle(s *state) {
	p, key := l.plan(s)
	if p == nil {
		l.tree = nil
		return
	}
	is := p.spec.treeOf(l.name, p.family)
	if l.tree != nil && equalTrees(l.tree, is) {
		return
	}
	l.now.Set(chainOf[T](p, l.name, key, l.r.observer))
	l.tree = is
}

// plan returns what l is built from, or nil if s does not declare it.
func (l *Live[T]) plan(s *state) (p *plan, key string) {
	if l.of != nil {
		return l.of.plan(s), l.of.key
	}
	if _, ok := s.spec.Pipelines[l.name]; !ok {
		return nil, ""
	}
	return l.r.planOf(s), ""
}

func (l *Live[T]) check(e *env, s *Spec, f *faults) { checkTypes[T](e, s, l.name, f) }

// treeOf returns the declarations of a pipeline, or of a family's.
func (s *Spec) treeOf(name string, family *FamilySpec) *tree {
	t := new(tree)
	if family != nil {
		name = family.Pipeline
		for _, class := range classes {
			t.own = append(t.own, class.isMember(family))
		}
	}
	t.names = s.tree(name)
	for _, name := range t.names {
		t.pipelines = append(t.pipelines, s.Pipelines[name])
	}
	return t
}

func equalTrees(a, b *tree) bool {
	return slices.Equal(a.names, b.names) && slices.Equal(a.own, b.own) && slices.EqualFunc(a.pipelines, b.pipelines, equal[PipelineSpec])
}
