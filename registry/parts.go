package registry

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/hedge"
	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// partsByName keeps the policies that have state and a T: one set for each pipeline and T.
// The pipelines of a registry share one partsByName, and each member of a family has its
// own, so that no member answers with what another has cached.
type partsByName struct{ sets sync.Map } // partsKey: *atomic.Pointer[parts[T]]

type partsKey struct {
	name string
	t    reflect.Type
}

// parts is the policies of a pipeline that have state and a T, with their declarations. It
// is immutable.
type parts[T any] struct {
	revision int64
	cache    part[CacheSpec, *cache.Cache[string, T]]
	memory   *cache.Memory[string, T] // of the cache, if it is the built-in store
	coalesce part[CoalesceSpec, *coalesce.Coalesce[string, T]]
	hedge    part[HedgeSpec, *hedge.Hedge[T]]
	chaos    part[ChaosSpec, policy.Policy[T]]
}

type part[S, P any] struct {
	spec   *S // nil if there is none
	policy P
}

// partsAt returns the parts of a pipeline as s declares them. A part whose declaration is
// the same stays. A cache that has changed keeps its entries if its store is the same, and
// a hedge keeps the latencies that it has seen.
//
// Two goroutines may build pipelines that share parts, one of them of an older revision:
// its result is about to be replaced, so it must not replace the newer parts, or another
// goroutine would build on them and lose what is kept. Of two of one revision, the one
// that comes second takes the parts of the first.
func partsAt[T any](p *plan, name string, s *PipelineSpec) *parts[T] {
	slot, _ := p.parts.sets.LoadOrStore(partsKey{name, reflect.TypeFor[T]()}, new(atomic.Pointer[parts[T]]))
	now := slot.(*atomic.Pointer[parts[T]])
	for {
		was := now.Load()
		if was == nil {
			now.CompareAndSwap(nil, new(parts[T]))
			continue
		}
		is := was.next(p, s)
		if was.revision > p.revision || now.CompareAndSwap(was, is) {
			return is
		}
	}
}

// next returns the parts that replace p when s is declared.
func (p *parts[T]) next(by *plan, s *PipelineSpec) *parts[T] {
	is := &parts[T]{revision: by.revision}
	switch {
	case s.Cache == nil:
	case p.cache.spec != nil && equal(*p.cache.spec, *s.Cache):
		is.cache, is.memory = p.cache, p.memory
	default:
		is.cache, is.memory = p.nextCache(by, s.Cache)
	}
	switch {
	case s.Coalesce == nil:
	case p.coalesce.spec != nil && equal(*p.coalesce.spec, *s.Coalesce):
		is.coalesce = p.coalesce
	default:
		is.coalesce.spec = s.Coalesce
		is.coalesce.policy = coalesce.New[string, T](by.env.key(s.Coalesce.Key)).WithClock(by.env.clock)
	}
	switch {
	case s.Hedge == nil:
	case p.hedge.spec != nil && equal(*p.hedge.spec, *s.Hedge):
		is.hedge = p.hedge
	default:
		is.hedge = p.nextHedge(by, s.Hedge)
	}
	switch {
	case s.Chaos == nil:
	case p.chaos.spec != nil && equal(*p.chaos.spec, *s.Chaos):
		is.chaos = p.chaos
	default:
		is.chaos.spec, is.chaos.policy = s.Chaos, chaosOf[T](by.env, s.Chaos)
	}
	return is
}

// nextCache returns a cache that keeps the entries of p's, unless its store is another one
// or has another size.
func (p *parts[T]) nextCache(by *plan, s *CacheSpec) (part[CacheSpec, *cache.Cache[string, T]], *cache.Memory[string, T]) {
	c := cacheConfig[T](by.env, s)
	var memory *cache.Memory[string, T]
	switch {
	case s.Store != "" && !by.describing:
		c.Store = by.env.funcs.Store[s.Store].(cache.Store[string, T])
	case p.memory != nil && s.keepsEntriesOf(p.cache.spec):
		memory = p.memory
	default:
		memory = cache.NewMemory[string, T](cache.MemoryConfig{MaxEntries: s.MaxEntries, Clock: by.env.clock})
	}
	if memory != nil {
		c.Store, c.MaxEntries = memory, 0
	}
	return part[CacheSpec, *cache.Cache[string, T]]{s, cache.New(c)}, memory
}

func (p *parts[T]) nextHedge(by *plan, s *HedgeSpec) part[HedgeSpec, *hedge.Hedge[T]] {
	c := s.Config
	c.Clock = by.env.clock
	c.HedgeIf = by.env.retryIf(s.HedgeIfName, c.HedgeIf)
	if s.BudgetName != "" {
		c.Budget = find[*retry.Budget](by, budgets, s.BudgetName, nil)
	}
	if p.hedge.policy == nil {
		return part[HedgeSpec, *hedge.Hedge[T]]{s, hedge.New[T](c)}
	}
	return part[HedgeSpec, *hedge.Hedge[T]]{s, p.hedge.policy.WithConfig(c)}
}

// chaosOf returns the injector of a declaration. One that both waits and fails does so in
// the same calls.
func chaosOf[T any](e *env, s *ChaosSpec) policy.Policy[T] {
	c := s.Config
	c.Clock = e.clock
	if c.Seed == 0 {
		c.Rand = e.rand
	}
	if s.Error == "" {
		return chaos.Latency[T](c, func(context.Context) time.Duration { return s.Latency })
	}
	injected := errors.New(s.Error)
	return chaos.Fault[T](c, func(ctx context.Context) error {
		if s.Latency > 0 {
			if err := policy.Sleep(ctx, e.clock, s.Latency); err != nil {
				return err
			}
		}
		return injected
	})
}
