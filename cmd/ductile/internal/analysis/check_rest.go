package analysis

import (
	"maps"
	"slices"

	"github.com/ductile-go/ductile/registry"
)

// checkRest finds what concerns the cache and chaos.
func (v *view) checkRest(f *findings) {
	if c := v.spec.Cache; c != nil && c.Stale > 0 {
		severity := Warning
		if c.RefreshTimeout == 0 {
			severity = Note // a default
		}
		if refresh := v.refresh(v.worst(Unbounded).time); Span(c.Stale) < refresh {
			f.add(severity, v.at+".cache.stale", "stale-shorter-than-refresh",
				"stale is "+Span(c.Stale).String()+", but a refresh takes up to "+refresh.String()+": calls wait for a slow one",
				"make stale longer, or refresh_timeout shorter")
		}
	}
	c := v.spec.Chaos
	if c == nil || !c.Enabled || c.Rate == 0 && c.RateFunc == nil {
		return
	}
	f.warnf(v.at+".chaos", "chaos-enabled", "set enabled: false, or remove it, where customers call",
		"chaos injects faults into %s of the attempts of %s", percent(c.Rate), v.name)
}

// checkUnused finds shared state that no pipeline uses.
func checkUnused(f *findings, spec registry.Spec) {
	used := map[string]bool{}
	for _, p := range spec.Pipelines {
		used["circuits."+p.Circuit] = true
		used["throttles."+p.Throttle] = true
		used["rate_limits."+p.RateLimit] = true
		used["bulkheads."+p.Bulkhead] = true
		used["adaptive_limits."+p.AdaptiveLimit] = true
		if p.Retry != nil {
			used["budgets."+p.Retry.BudgetName] = true
		}
		if p.Hedge != nil {
			used["budgets."+p.Hedge.BudgetName] = true
		}
	}
	unused(f, used, "circuits", spec.Circuits)
	unused(f, used, "throttles", spec.Throttles)
	unused(f, used, "rate_limits", spec.RateLimits)
	unused(f, used, "bulkheads", spec.Bulkheads)
	unused(f, used, "adaptive_limits", spec.AdaptiveLimits)
	unused(f, used, "budgets", spec.Budgets)
}

func unused[C any](f *findings, used map[string]bool, section string, declared map[string]C) {
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		if path := section + "." + name; !used[path] {
			f.warnf(path, "unused", "name it in a pipeline, or remove it", "no pipeline uses %s", path)
		}
	}
}

// checkFamilies finds families that do not keep their members apart.
func checkFamilies(f *findings, spec registry.Spec) {
	for _, name := range slices.Sorted(maps.Keys(spec.Families)) {
		path, fam := "families."+name, spec.Families[name]
		if fam.Circuit == nil && fam.Throttle == nil && fam.RateLimit == nil && fam.Bulkhead == nil && fam.AdaptiveLimit == nil {
			f.notef(path, "members-share-all", "set circuit, throttle, rate_limit, bulkhead or adaptive_limit",
				"the members of %s have no state of their own: all of it is shared", name)
		}
		if fam.Max == 1 {
			f.warnf(path+".max", "family-of-one", "allow as many members as there are keys in use",
				"max is 1: all keys but one share a state")
		}
	}
}
