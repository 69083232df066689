package registry

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// plan is what pipelines are built from: a Spec, the shared state that it names, and, for
// a member of a family, what the member has of its own.
type plan struct {
	env      *env
	spec     *Spec
	revision int64
	shared   map[string]map[string]any // section, then name
	parts    *partsByName              // the policies that have a T
	own      map[string]any            // section; nil for a pipeline
	family   *FamilySpec               // nil for a pipeline
	// describing is true for a pipeline that runs nothing: it needs no functions for T.
	describing bool
}

// chainOf returns the chain of a pipeline, or of a member of a family.
func chainOf[T any](p *plan, name, key string, observer policy.Observer) *policy.Chain[T] {
	top := name
	if p.family != nil {
		top = p.family.Pipeline
	}
	var listeners []policy.Listener
	if observer != nil {
		listeners = []policy.Listener{{Observe: observer}}
	}
	c := policy.NewChain(name, listeners, policiesOf[T](p, top, p.family)...)
	if key != "" {
		return c.WithKey(key)
	}
	return c
}

// policiesOf returns the policies of a pipeline, outermost first. family is not nil if its
// parts stand where those of the pipeline would.
func policiesOf[T any](p *plan, name string, family *FamilySpec) []policy.Policy[T] {
	s := p.spec.Pipelines[name]
	t := partsAt[T](p, name, &s)
	var all []policy.Policy[T]
	if s.Fallback != "" {
		all = append(all, policy.Fallback(fallbackOf[T](p, s.Fallback)).WithName(s.Fallback))
	}
	if t.cache.policy != nil {
		all = append(all, t.cache.policy)
	}
	if t.coalesce.policy != nil {
		all = append(all, t.coalesce.policy)
	}
	if s.TotalTimeout > 0 {
		all = append(all, timeoutOf[T](p, "total", s.TotalTimeout, s.Abandon))
	}
	if s.Retry != nil {
		all = append(all, retry.New[T](retryConfig(p, s.Retry)))
	}
	if t.hedge.policy != nil {
		all = append(all, t.hedge.policy)
	}
	if c := find[*breaker.Circuit](p, circuits, s.Circuit, family); c != nil {
		all = append(all, breaker.New[T](c))
	}
	if c := find[*throttle.Throttle](p, throttles, s.Throttle, family); c != nil {
		all = append(all, throttle.New[T](c))
	}
	if c := find[*ratelimit.Limiter](p, rateLimits, s.RateLimit, family); c != nil {
		all = append(all, ratelimit.New[T](c))
	}
	if s.AttemptTimeout > 0 {
		all = append(all, timeoutOf[T](p, "attempt", s.AttemptTimeout, s.Abandon))
	}
	if c := find[*bulkhead.Gate](p, bulkheads, s.Bulkhead, family); c != nil {
		all = append(all, bulkhead.New[T](c))
	}
	if c := find[*adaptive.Limiter](p, adaptiveLimits, s.AdaptiveLimit, family); c != nil {
		all = append(all, adaptive.New[T](c))
	}
	if t.chaos.policy != nil {
		all = append(all, t.chaos.policy)
	}
	if s.Pipeline != "" {
		all = append(all, policy.NewChain(s.Pipeline, nil, policiesOf[T](p, s.Pipeline, nil)...))
	}
	return all
}

// find returns what a policy shares with others: that of the family's member, or else the
// named one, or else the zero V.
func find[V any](p *plan, class shared, name string, family *FamilySpec) (none V) {
	if family != nil && class.isMember(family) {
		return p.own[class.name()].(V)
	}
	if name == "" {
		return none
	}
	return p.shared[class.name()][name].(V)
}

// fallbackOf returns the function of that name. A description gets a stand-in, which is never
// called.
func fallbackOf[T any](p *plan, name string) func(context.Context, error) (T, error) {
	if p.describing {
		return func(_ context.Context, err error) (v T, _ error) { return v, err }
	}
	return p.env.funcs.Fallback[name].(func(context.Context, error) (T, error))
}

func timeoutOf[T any](p *plan, name string, after time.Duration, abandon bool) policy.Policy[T] {
	return policy.NewTimeout[T](policy.TimeoutConfig{Name: name, After: after, Abandon: abandon, Clock: p.env.clock})
}

func retryConfig(p *plan, s *RetrySpec) retry.Config {
	c := s.Config
	c.Clock, c.Rand = p.env.clock, p.env.rand
	c.RetryIf = p.env.retryIf(s.RetryIfName, c.RetryIf)
	if b := find[*retry.Budget](p, budgets, s.BudgetName, nil); b != nil {
		c.Budget = b
	}
	if s.BackoffName != "" {
		c.Backoff = p.env.backoff(s.BackoffName, c)
	}
	return c
}

// backoffNames are the backoffs of package retry.
var backoffNames = []string{"exponential", "full_jitter", "equal_jitter", "decorrelated", "fibonacci", "linear", "constant"}

// backoff returns the backoff of that name. A function of Funcs.Backoff comes before one of
// the library.
func (e *env) backoff(name string, c retry.Config) retry.Backoff {
	if b := e.funcs.Backoff[name]; b != nil {
		return b
	}
	full := c.WithDefaults()
	base, limit := max(0, full.BaseDelay), full.MaxDelay
	switch name {
	case "full_jitter":
		return retry.FullJitter(base, limit)
	case "equal_jitter":
		return retry.EqualJitter(base, limit)
	case "decorrelated":
		return retry.Decorrelated(base, limit)
	case "fibonacci":
		return retry.Fibonacci(base, limit)
	case "linear":
		return retry.Linear(base, limit)
	case "constant":
		return retry.Constant(min(base, limit))
	}
	return c.Backoff // exponential is what a retry does without one
}

// tree returns the names of a pipeline and of those inside it, outermost first.
func (s *Spec) tree(name string) []string {
	var names []string
	for ; name != ""; name = s.Pipelines[name].Pipeline {
		names = append(names, name)
	}
	return names
}

// checkTypes adds a fault for each function or store of a pipeline that is not for T.
func checkTypes[T any](e *env, s *Spec, name string, f *faults) {
	for _, in := range s.tree(name) {
		p, at := s.Pipelines[in], "pipelines."+in
		if given, ok := e.funcs.Fallback[p.Fallback]; ok && p.Fallback != "" {
			if _, ok := given.(func(context.Context, error) (T, error)); !ok || same.Nil(given) {
				f.function(at+".fallback", p.Fallback, given, reflect.TypeFor[func(context.Context, error) (T, error)]())
			}
		}
		if p.Cache == nil || p.Cache.Store == "" {
			continue
		}
		if given, ok := e.funcs.Store[p.Cache.Store]; ok {
			if _, ok := given.(cache.Store[string, T]); !ok || same.Nil(given) {
				f.function(at+".cache.store", p.Cache.Store, given, reflect.TypeFor[cache.Store[string, T]]())
			}
		}
	}
}

func (f *faults) function(at, name string, given any, want reflect.Type) {
	what := fmt.Sprintf("%q, a %T", name, given)
	if same.Nil(given) {
		what = fmt.Sprintf("%q, a nil %T", name, given)
	}
	*f = append(*f, &Error{Path: at, Value: what, Want: fmt.Sprintf("a %v for this pipeline's type", want)})
}
