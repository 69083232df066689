package analysis

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/internal/nearest"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// ErrUnknown is matched by the error for a name that the Spec does not have.
var ErrUnknown = errors.New("unknown name")

// part is a piece of shared state that a pipeline uses, with its defaults filled in.
type part[C any] struct {
	name string // "stripe"; of a family's own, the family's name
	path string // "circuits.stripe" or "families.hosts.circuit"
	cfg  C
}

// view is a pipeline, or the pipeline of a family, with everything that it refers to.
type view struct {
	path string // "pipelines.charge" or "families.hosts"
	name string
	at   string // the path of the fields of spec
	spec registry.PipelineSpec

	circuit  *part[breaker.Config]
	throttle *part[throttle.Config]
	rate     *part[ratelimit.Config]
	gate     *part[bulkhead.Config]
	adaptive *part[adaptive.Config]

	retryBudget *part[retry.BudgetConfig]
	hedgeBudget *part[retry.BudgetConfig] // the hedge's own has no name
	inner       *view
}

// chain returns v and the pipelines inside it, outermost first.
func (v *view) chain() []*view {
	var all []*view
	for ; v != nil; v = v.inner {
		all = append(all, v)
	}
	return all
}

// views resolves the names of one Spec.
type views struct{ spec registry.Spec }

// all returns the view of each pipeline and family, by path. Those that do not resolve
// are left out: a registry refuses them.
func (r views) all() []*view {
	var all []*view
	for _, name := range slices.Sorted(maps.Keys(r.spec.Pipelines)) {
		if v, err := r.pipeline(name, nil); err == nil {
			all = append(all, v)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.spec.Families)) {
		if v, err := r.family(name); err == nil {
			all = append(all, v)
		}
	}
	return all
}

// named returns the view of the pipeline or family with the name. "pipelines.x" and
// "families.x" also name one. Of a pipeline and a family with one name, the short name
// means the pipeline.
func (r views) named(name string) (*view, error) {
	section, short, long := strings.Cut(name, ".")
	_, isPipeline := r.spec.Pipelines[name]
	_, isFamily := r.spec.Families[name]
	switch {
	case isPipeline:
		return r.pipeline(name, nil)
	case isFamily:
		return r.family(name)
	case long && section == "pipelines":
		return r.pipeline(short, nil)
	case long && section == "families":
		return r.family(short)
	}
	known := slices.Sorted(maps.Keys(r.spec.Pipelines))
	known = append(known, slices.Sorted(maps.Keys(r.spec.Families))...)
	return nil, unknown("pipeline or family", name, known)
}

func unknown(kind, name string, known []string) error {
	hint := nearest.Hint(name, known)
	if hint == "" && len(known) > 0 {
		hint = "there are " + strings.Join(known, ", ")
	}
	return fmt.Errorf("%w: no %s is called %q%s", ErrUnknown, kind, name, prefixed(", ", hint))
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// pipeline resolves a pipeline. outer holds the names of those that it stands in.
func (r views) pipeline(name string, outer []string) (*view, error) {
	p, ok := r.spec.Pipelines[name]
	if !ok {
		return nil, unknown("pipeline", name, slices.Sorted(maps.Keys(r.spec.Pipelines)))
	}
	path := "pipelines." + name
	if slices.Contains(outer, name) {
		return nil, fmt.Errorf("%s stands in itself: %s", path, strings.Join(append(outer, name), " > "))
	}
	v := &view{path: path, name: name, at: path, spec: p}
	if err := r.parts(v); err != nil {
		return nil, err
	}
	if p.Pipeline == "" {
		return v, nil
	}
	var err error
	v.inner, err = r.pipeline(p.Pipeline, append(outer, name))
	return v, err
}

// family resolves the pipeline of a family's members.
func (r views) family(name string) (*view, error) {
	f, ok := r.spec.Families[name]
	if !ok {
		return nil, unknown("family", name, slices.Sorted(maps.Keys(r.spec.Families)))
	}
	v, err := r.pipeline(f.Pipeline, nil)
	if err != nil {
		return nil, err
	}
	v.path, v.name = "families."+name, name
	if f.Circuit != nil {
		v.circuit = circuitPart(name, v.path+".circuit", *f.Circuit)
	}
	if f.Throttle != nil {
		v.throttle = throttlePart(name, v.path+".throttle", *f.Throttle)
	}
	if f.RateLimit != nil {
		v.rate = ratePart(name, v.path+".rate_limit", *f.RateLimit)
	}
	if f.Bulkhead != nil {
		v.gate = &part[bulkhead.Config]{name, v.path + ".bulkhead", f.Bulkhead.Config}
	}
	if f.AdaptiveLimit != nil {
		v.adaptive = adaptivePart(name, v.path+".adaptive_limit", *f.AdaptiveLimit)
	}
	return v, nil
}

// parts resolves the names of shared state that a pipeline uses.
func (r views) parts(v *view) error {
	p, s := v.spec, r.spec
	return cmp.Or(
		find("circuit", p.Circuit, s.Circuits, func(c registry.CircuitSpec) {
			v.circuit = circuitPart(p.Circuit, "circuits."+p.Circuit, c)
		}),
		find("throttle", p.Throttle, s.Throttles, func(c registry.ThrottleSpec) {
			v.throttle = throttlePart(p.Throttle, "throttles."+p.Throttle, c)
		}),
		find("rate limit", p.RateLimit, s.RateLimits, func(c registry.RateLimitSpec) {
			v.rate = ratePart(p.RateLimit, "rate_limits."+p.RateLimit, c)
		}),
		find("bulkhead", p.Bulkhead, s.Bulkheads, func(c registry.BulkheadSpec) {
			v.gate = &part[bulkhead.Config]{p.Bulkhead, "bulkheads." + p.Bulkhead, c.Config}
		}),
		find("adaptive limit", p.AdaptiveLimit, s.AdaptiveLimits, func(c registry.AdaptiveLimitSpec) {
			v.adaptive = adaptivePart(p.AdaptiveLimit, "adaptive_limits."+p.AdaptiveLimit, c)
		}),
		r.budgets(v),
	)
}

// budgets resolves the budgets of the retry and the hedge.
func (r views) budgets(v *view) error {
	budget := func(name string, into **part[retry.BudgetConfig]) error {
		return find("budget", name, r.spec.Budgets, func(b registry.BudgetSpec) {
			*into = &part[retry.BudgetConfig]{name, "budgets." + name, retry.NewBudget(b.BudgetConfig).Config()}
		})
	}
	var err error
	if p := v.spec.Retry; p != nil {
		err = budget(p.BudgetName, &v.retryBudget)
	}
	if p := v.spec.Hedge; p != nil && err == nil {
		err = budget(p.BudgetName, &v.hedgeBudget)
	}
	return err
}

// find calls use with the declaration of that name. An empty name means none.
func find[C any](kind, name string, declared map[string]C, use func(C)) error {
	if name == "" {
		return nil
	}
	c, ok := declared[name]
	if !ok {
		return unknown(kind, name, slices.Sorted(maps.Keys(declared)))
	}
	use(c)
	return nil
}

func circuitPart(name, path string, c registry.CircuitSpec) *part[breaker.Config] {
	return &part[breaker.Config]{name, path, breaker.NewCircuit(c.Config).Config()}
}

func throttlePart(name, path string, c registry.ThrottleSpec) *part[throttle.Config] {
	return &part[throttle.Config]{name, path, throttle.NewThrottle(c.Config).Config()}
}

func ratePart(name, path string, c registry.RateLimitSpec) *part[ratelimit.Config] {
	return &part[ratelimit.Config]{name, path, ratelimit.NewLimiter(c.Config).Config()}
}

func adaptivePart(name, path string, c registry.AdaptiveLimitSpec) *part[adaptive.Config] {
	return &part[adaptive.Config]{name, path, adaptive.NewLimiter(c.Config).Config()}
}
