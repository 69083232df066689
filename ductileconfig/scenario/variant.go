package scenario

import (
	"context"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/sim"
)

// pipelines returns the function of a variant. Each replica has a registry of its own.
func pipelines(spec registry.Spec, doors map[string]door) func(context.Context, string, int) *pipeline.Pipeline[any] {
	spec, funcs := standIns(spec)
	return func(ctx context.Context, name string, _ int) *pipeline.Pipeline[any] {
		d := doors[name]
		if d == (door{}) {
			return nil
		}
		r, err := registry.New(spec, registry.WithClock(sim.Clock(ctx)), registry.WithRand(sim.Rand(ctx)), registry.WithFuncs(funcs))
		if err != nil {
			panic(err) // Load has checked it
		}
		p, err := d.open(ctx, r, spec)
		if err != nil {
			panic(err)
		}
		return pipeline.New(p).WithName(name)
	}
}

// open returns the policy of a door, and lets the report show its circuits.
func (d door) open(ctx context.Context, r *registry.Registry, spec registry.Spec) (policy.Policy[any], error) {
	inside := d.pipeline
	if d.family != "" {
		inside = spec.Families[d.family].Pipeline
	}
	if err := watch(ctx, r, spec, inside); err != nil {
		return nil, err
	}
	if d.family != "" {
		family, err := registry.Keyed[any](r, d.family)
		if err != nil {
			return nil, err
		}
		return &members{Policy: family.Policy(sim.Key), family: family, seen: map[string]bool{}}, nil
	}
	return registry.Pipeline[any](r, d.pipeline)
}

// watch records the circuits of a pipeline, and of those inside it.
func watch(ctx context.Context, r *registry.Registry, spec registry.Spec, name string) error {
	for ; name != ""; name = spec.Pipelines[name].Pipeline {
		circuit := spec.Pipelines[name].Circuit
		if circuit == "" {
			continue
		}
		c, err := r.Circuit(circuit)
		if err != nil {
			return err
		}
		sim.Watch(ctx, c)
	}
	return nil
}

// maxMembers is how many circuits of a family the report shows for each replica.
const maxMembers = 8

// members is the policy of a family. It records the circuits of the first keys. One goroutine
// runs a variant, so it has no lock.
type members struct {
	policy.Policy[any]
	family *registry.Family[any]
	seen   map[string]bool
}

// Execute runs the family's policy.
func (m *members) Execute(ctx context.Context, next policy.Call[any]) (any, error) {
	if key, ok := sim.Key(ctx); ok && len(m.seen) < maxMembers && !m.seen[key] {
		m.seen[key] = true
		m.family.Get(key)
		if c, ok := m.family.Circuit(key); ok {
			sim.Watch(ctx, c)
		}
	}
	return m.Policy.Execute(ctx, next)
}

// Describe describes the family's policy.
func (m *members) Describe() policy.Description { return policy.Describe(m.Policy) }

// standIns returns functions for the names that a configuration uses, and the
// configuration without those that have a default.
func standIns(spec registry.Spec) (registry.Spec, registry.Funcs) {
	funcs := registry.Funcs{
		RetryIf: map[string]func(error) bool{}, Classify: map[string]func(error) policy.Outcome{}, Backoff: map[string]retry.Backoff{},
		Fallback: map[string]any{}, Key: map[string]func(context.Context) (string, bool){},
	}
	for name, p := range spec.Pipelines {
		if p.Fallback != "" {
			funcs.Fallback[p.Fallback] = func(context.Context, error) (any, error) { return nil, nil } //nolint:nilnil // the value is not looked at
		}
		p.Retry, p.Hedge, p.Cache = copied(p.Retry), copied(p.Hedge), copied(p.Cache)
		if p.Retry != nil {
			p.Retry.RetryIfName = ""
			if !libraryBackoffs[p.Retry.BackoffName] {
				p.Retry.BackoffName = ""
			}
		}
		if p.Hedge != nil {
			p.Hedge.HedgeIfName = ""
		}
		if p.Cache != nil {
			p.Cache.Store = ""
			funcs.Key[p.Cache.Key] = sim.Key
			if p.Cache.NegativeName != "" {
				funcs.RetryIf[p.Cache.NegativeName] = func(error) bool { return false }
			}
		}
		if p.Coalesce != nil {
			funcs.Key[p.Coalesce.Key] = sim.Key
		}
		spec.Pipelines[name] = p
	}
	undecided := func(name string) {
		if name != "" {
			funcs.Classify[name] = func(error) policy.Outcome { return policy.Undecided }
		}
	}
	for _, c := range spec.Circuits {
		undecided(c.ClassifyBy)
	}
	for _, c := range spec.AdaptiveLimits {
		undecided(c.ClassifyBy)
	}
	for _, c := range spec.Throttles {
		undecided(c.ClassifyBy)
	}
	for _, f := range spec.Families {
		if f.Circuit != nil {
			undecided(f.Circuit.ClassifyBy)
		}
		if f.AdaptiveLimit != nil {
			undecided(f.AdaptiveLimit.ClassifyBy)
		}
		if f.Throttle != nil {
			undecided(f.Throttle.ClassifyBy)
		}
	}
	return spec, funcs
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

var libraryBackoffs = map[string]bool{
	"exponential": true, "full_jitter": true, "equal_jitter": true, "decorrelated": true, "fibonacci": true, "linear": true, "constant": true,
}
