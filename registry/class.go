package registry

import (
	"iter"
	"maps"
	"slices"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// class is a kind of shared state: how it is declared (S), configured (C) and kept (V).
type class[S, C, V any] struct {
	section string // in a file: "circuits"
	field   string // where a pipeline or a family has one: "circuit"
	noun    string // in errors: "a circuit"

	of      func(s *Spec) map[string]S
	member  func(f *FamilySpec) *S                  // nil if families have none
	config  func(e *env, name string, s S) C        // completed, for make
	check   func(c C) error                         // the Config's Validate
	named   func(e *env, f *faults, at string, s S) // checks the names of functions
	make    func(c C) V                             // the constructor of V
	set     func(v V, c C) error                    // the Reconfigure of V
	filled  func(s S) S                             // with defaults
	anew    func(from, to S) bool                   // whether the counts restart; nil: never
	lenient func(c C) C                             // for the newcomers of a full family; nil: as it is
}

// shared is a class without its types.
type shared interface {
	name() string
	word() string
	validate(e *env, s *Spec, f *faults)
	validateMember(e *env, at string, s *FamilySpec, f *faults)
	declared(s *Spec) iter.Seq[string]
	declares(s *Spec, name string) bool
	add(e *env, s *Spec, to map[string]any)
	diff(from, to *Spec, c *Changes)
	settle(e *env, from, to *Spec, objects map[string]any)
	addMember(e *env, name string, s *FamilySpec, overflow bool, to map[string]any)
	settleMember(e *env, name string, s *FamilySpec, overflow bool, objects map[string]any)
	isMember(s *FamilySpec) bool
	memberDiff(from, to *FamilySpec) (changed, anew bool)
	fill(s *Spec)
	fillMember(s *FamilySpec)
}

func (c *class[S, C, V]) name() string { return c.section }
func (c *class[S, C, V]) word() string { return c.noun }

func (c *class[S, C, V]) validate(e *env, s *Spec, f *faults) {
	for name, one := range sorted(c.of(s)) {
		f.nameAt(c.section, name)
		c.validateOne(e, c.section+"."+name, name, one, f)
	}
}

func (c *class[S, C, V]) validateMember(e *env, at string, s *FamilySpec, f *faults) {
	if one := c.inFamily(s); one != nil {
		c.validateOne(e, at+"."+c.field, "member", *one, f)
	}
}

func (c *class[S, C, V]) validateOne(e *env, at, name string, s S, f *faults) {
	f.unset(at, s)
	if c.named != nil {
		c.named(e, f, at, s)
	}
	f.in(at, c.check(c.config(e, name, s)))
}

func (c *class[S, C, V]) inFamily(s *FamilySpec) *S {
	if c.member == nil {
		return nil
	}
	return c.member(s)
}

func (c *class[S, C, V]) isMember(s *FamilySpec) bool { return c.inFamily(s) != nil }

func (c *class[S, C, V]) declared(s *Spec) iter.Seq[string] { return maps.Keys(c.of(s)) }

func (c *class[S, C, V]) declares(s *Spec, name string) bool {
	_, ok := c.of(s)[name]
	return ok
}

// add makes what is declared in s and not in to.
func (c *class[S, C, V]) add(e *env, s *Spec, to map[string]any) {
	for name, one := range c.of(s) {
		if to[name] == nil {
			to[name] = c.make(c.config(e, name, one))
		}
	}
}

func (c *class[S, C, V]) diff(from, to *Spec, ch *Changes) {
	was, is := c.of(from), c.of(to)
	ch.diff(c.section, slices.Collect(maps.Keys(was)), slices.Collect(maps.Keys(is)), func(name string) (changed, anew bool) {
		return c.differs(was[name], is[name])
	})
}

// differs reports whether two declarations differ in effect.
func (c *class[S, C, V]) differs(was, is S) (changed, anew bool) {
	if equal(was, is) {
		return false, false
	}
	was, is = c.filled(was), c.filled(is)
	if equal(was, is) {
		return false, false
	}
	return true, c.anew != nil && c.anew(was, is)
}

// settle reconfigures what s declares otherwise than was.
func (c *class[S, C, V]) settle(e *env, was, s *Spec, objects map[string]any) {
	before := c.of(was)
	for name, one := range c.of(s) {
		if old, ok := before[name]; !ok || !equal(old, one) {
			c.put(e, name, one, false, objects[name])
		}
	}
}

func (c *class[S, C, V]) put(e *env, name string, s S, overflow bool, v any) {
	if err := c.set(v.(V), c.configured(e, name, s, overflow)); err != nil {
		panic("registry: " + c.section + "." + name + ": " + err.Error()) // it has been validated
	}
}

func (c *class[S, C, V]) configured(e *env, name string, s S, overflow bool) C {
	cfg := c.config(e, name, s)
	if overflow && c.lenient != nil {
		cfg = c.lenient(cfg)
	}
	return cfg
}

// addMember makes what a member of a family has of its own.
func (c *class[S, C, V]) addMember(e *env, name string, s *FamilySpec, overflow bool, to map[string]any) {
	if one := c.inFamily(s); one != nil && to[c.section] == nil {
		to[c.section] = c.make(c.configured(e, name, *one, overflow))
	}
}

func (c *class[S, C, V]) settleMember(e *env, name string, s *FamilySpec, overflow bool, objects map[string]any) {
	if one := c.inFamily(s); one != nil {
		c.put(e, name, *one, overflow, objects[c.section])
	}
}

func (c *class[S, C, V]) memberDiff(from, to *FamilySpec) (changed, anew bool) {
	was, is := c.inFamily(from), c.inFamily(to)
	if was == nil || is == nil {
		return was != is, false
	}
	return c.differs(*was, *is)
}

func (c *class[S, C, V]) fill(s *Spec) {
	all := c.of(s)
	for name, one := range all {
		all[name] = c.filled(one)
	}
}

func (c *class[S, C, V]) fillMember(s *FamilySpec) {
	if one := c.inFamily(s); one != nil {
		*one = c.filled(*one)
	}
}

var circuits = &class[CircuitSpec, breaker.Config, *breaker.Circuit]{
	section: "circuits", field: "circuit", noun: "a circuit",
	of:     func(s *Spec) map[string]CircuitSpec { return s.Circuits },
	member: func(f *FamilySpec) *CircuitSpec { return f.Circuit },
	config: func(e *env, name string, s CircuitSpec) breaker.Config {
		c := s.Config
		c.Name, c.Clock, c.Rand = name, e.clock, e.rand
		c.Classify = e.classify(s.ClassifyBy, c.Classify)
		return c
	},
	check: breaker.Config.Validate,
	named: func(e *env, f *faults, at string, s CircuitSpec) { e.classifier(f, at, s.ClassifyBy) },
	make:  breaker.NewCircuit,
	set:   (*breaker.Circuit).Reconfigure,
	filled: func(s CircuitSpec) CircuitSpec {
		s.Config = s.WithDefaults()
		return s
	},
	anew: func(from, to CircuitSpec) bool {
		return from.Window != to.Window || from.WindowCalls != to.WindowCalls
	},
	// One newcomer's failures refuse no other newcomer.
	lenient: func(c breaker.Config) breaker.Config {
		c.Shadow = true
		return c
	},
}

var budgets = &class[BudgetSpec, retry.BudgetConfig, *retry.Budget]{
	section: "budgets", field: "budget", noun: "a budget",
	of: func(s *Spec) map[string]BudgetSpec { return s.Budgets },
	config: func(e *env, name string, s BudgetSpec) retry.BudgetConfig {
		c := s.BudgetConfig
		c.Name, c.Clock = name, e.clock
		return c
	},
	check: retry.BudgetConfig.Validate,
	make:  retry.NewBudget,
	set:   (*retry.Budget).Reconfigure,
	filled: func(s BudgetSpec) BudgetSpec {
		s.BudgetConfig = s.WithDefaults()
		return s
	},
}

var bulkheads = &class[BulkheadSpec, bulkhead.Config, *bulkhead.Gate]{
	section: "bulkheads", field: "bulkhead", noun: "a bulkhead",
	of:     func(s *Spec) map[string]BulkheadSpec { return s.Bulkheads },
	member: func(f *FamilySpec) *BulkheadSpec { return f.Bulkhead },
	config: func(e *env, name string, s BulkheadSpec) bulkhead.Config {
		c := s.Config
		c.Name, c.Clock = name, e.clock
		return c
	},
	check:  bulkhead.Config.Validate,
	make:   bulkhead.NewGate,
	set:    (*bulkhead.Gate).Reconfigure,
	filled: func(s BulkheadSpec) BulkheadSpec { return s }, // there are no defaults
}

var adaptiveLimits = &class[AdaptiveLimitSpec, adaptive.Config, *adaptive.Limiter]{
	section: "adaptive_limits", field: "adaptive_limit", noun: "an adaptive limit",
	of:     func(s *Spec) map[string]AdaptiveLimitSpec { return s.AdaptiveLimits },
	member: func(f *FamilySpec) *AdaptiveLimitSpec { return f.AdaptiveLimit },
	config: func(e *env, name string, s AdaptiveLimitSpec) adaptive.Config {
		c := s.Config
		c.Name, c.Clock = name, e.clock
		c.Classify = e.classify(s.ClassifyBy, c.Classify)
		return c
	},
	check: adaptive.Config.Validate,
	named: func(e *env, f *faults, at string, s AdaptiveLimitSpec) { e.classifier(f, at, s.ClassifyBy) },
	make:  adaptive.NewLimiter,
	set:   (*adaptive.Limiter).Reconfigure,
	filled: func(s AdaptiveLimitSpec) AdaptiveLimitSpec {
		s.Config = s.WithDefaults()
		return s
	},
}

var rateLimits = &class[RateLimitSpec, ratelimit.Config, *ratelimit.Limiter]{
	section: "rate_limits", field: "rate_limit", noun: "a rate limit",
	of:     func(s *Spec) map[string]RateLimitSpec { return s.RateLimits },
	member: func(f *FamilySpec) *RateLimitSpec { return f.RateLimit },
	config: func(e *env, name string, s RateLimitSpec) ratelimit.Config {
		c := s.Config
		c.Name, c.Clock = name, e.clock
		return c
	},
	check: ratelimit.Config.Validate,
	make:  ratelimit.NewLimiter,
	set:   (*ratelimit.Limiter).Reconfigure,
	filled: func(s RateLimitSpec) RateLimitSpec {
		s.Config = s.WithDefaults()
		return s
	},
}

var throttles = &class[ThrottleSpec, throttle.Config, *throttle.Throttle]{
	section: "throttles", field: "throttle", noun: "a throttle",
	of:     func(s *Spec) map[string]ThrottleSpec { return s.Throttles },
	member: func(f *FamilySpec) *ThrottleSpec { return f.Throttle },
	config: func(e *env, name string, s ThrottleSpec) throttle.Config {
		c := s.Config
		c.Name, c.Clock, c.Rand = name, e.clock, e.rand
		c.Classify = e.classify(s.ClassifyBy, c.Classify)
		return c
	},
	check: throttle.Config.Validate,
	named: func(e *env, f *faults, at string, s ThrottleSpec) { e.classifier(f, at, s.ClassifyBy) },
	make:  throttle.NewThrottle,
	set:   (*throttle.Throttle).Reconfigure,
	filled: func(s ThrottleSpec) ThrottleSpec {
		s.Config = s.WithDefaults()
		return s
	},
	anew: func(from, to ThrottleSpec) bool { return from.Window != to.Window },
}

// classes is all of them, in the order of the fields of Spec.
var classes = []shared{circuits, budgets, bulkheads, adaptiveLimits, rateLimits, throttles}
