package registry

import (
	"cmp"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/keyed"
)

// filled returns the declaration with the defaults of its parts.
func (p PipelineSpec) filled() PipelineSpec {
	if p.Retry != nil {
		p.Retry = copied(p.Retry)
		p.Retry.Config = p.Retry.WithDefaults()
		p.Retry.BackoffName = cmp.Or(p.Retry.BackoffName, "exponential")
	}
	if p.Hedge != nil {
		p.Hedge = copied(p.Hedge)
		own := p.Hedge.Budget
		p.Hedge.Budget = hedge.NoBudget
		p.Hedge.Config = p.Hedge.WithDefaults()
		p.Hedge.Budget = own
	}
	if p.Cache != nil {
		p.Cache = copied(p.Cache)
		p.Cache.fill()
	}
	return p
}

func (c *CacheSpec) fill() {
	full := cache.New(cacheConfig[any](&env{anyName: true}, c)).Describe().Config.(cache.Config[string, any])
	c.Jitter, c.RefreshTimeout, c.Cooldown, c.MaxEntries = full.Jitter, full.RefreshTimeout, full.Cooldown, full.MaxEntries
	if c.Store != "" {
		c.MaxEntries = 0 // it limits the built-in store
	}
}

// cacheConfig returns the config of a cache, without the named store.
func cacheConfig[T any](e *env, c *CacheSpec) cache.Config[string, T] {
	return cache.Config[string, T]{
		Key: e.key(c.Key), TTL: c.TTL, Stale: c.Stale, StaleIfError: c.StaleIfError,
		NegativeTTL: c.NegativeTTL, Negative: e.retryIf(c.NegativeName, nil), Jitter: c.Jitter,
		RefreshTimeout: c.RefreshTimeout, Cooldown: c.Cooldown, MaxEntries: c.MaxEntries,
		Clock: e.clock, Rand: e.rand,
	}
}

// keepsEntriesOf reports whether a cache of c can go on with the entries of one of was.
func (c *CacheSpec) keepsEntriesOf(was *CacheSpec) bool {
	return c.Store == was.Store && c.MaxEntries == was.MaxEntries
}

// filled returns the declaration with the defaults of its parts.
func (f FamilySpec) filled() FamilySpec {
	f.Max, f.Idle = cmp.Or(f.Max, keyed.DefaultMax), cmp.Or(f.Idle, keyed.DefaultIdle)
	f.Circuit, f.Throttle, f.RateLimit, f.Bulkhead, f.AdaptiveLimit = copied(f.Circuit), copied(f.Throttle), copied(f.RateLimit), copied(f.Bulkhead), copied(f.AdaptiveLimit)
	for _, class := range classes {
		class.fillMember(&f)
	}
	return f
}

// filled returns a copy of s with all defaults.
func (s *Spec) filled() *Spec {
	c := s.clone()
	for _, class := range classes {
		class.fill(c)
	}
	for name, p := range c.Pipelines {
		c.Pipelines[name] = p.filled()
	}
	for name, f := range c.Families {
		c.Families[name] = f.filled()
	}
	return c
}
