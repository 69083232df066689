package ductilegrpc

import (
	"slices"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

type grpcPolicy = policy.Policy[*Reply]

// compose makes the client's pipelines.
func (c *client) compose() {
	if p := c.cfg.Pipeline; p != nil {
		c.single, c.hedged, c.stream = c.observed(p), c.observed(p), c.observed(lasting(p))
		return
	}
	whole := c.cfg.standard()
	whole.Circuit = nil
	c.hedged = c.standard(whole, breakerOf)
	whole.Hedge = nil
	c.single = c.standard(whole, breakerOf)
	// A stream that is silent is not broken: only limits that were set apply to it.
	whole.AttemptTimeout, whole.TotalTimeout = set(whole.AttemptTimeout), set(whole.TotalTimeout)
	c.stream = lasting(c.standard(whole, Breaker))
}

// set returns d, or no limit if d was not set.
func set(d time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return -1
}

// standard returns the standard pipeline with a breaker for the call's circuit.
func (c *client) standard(cfg pipeline.StandardConfig, of func(*breaker.Circuit) grpcPolicy) *pipeline.Pipeline[*Reply] {
	b := c.breaking(of)
	return c.observed(pipeline.Standard[*Reply](cfg).With(func(all []grpcPolicy) []grpcPolicy {
		at := 0
		for i, p := range all {
			switch p.(type) {
			case *retry.Retry[*Reply], *hedge.Hedge[*Reply]:
				at = i + 1
			}
		}
		return slices.Insert(all, at, b)
	}))
}

// breaking returns the breaker of the one circuit, or of that of each call's key.
func (c *client) breaking(of func(*breaker.Circuit) grpcPolicy) grpcPolicy {
	if c.cfg.Circuit != nil {
		return of(c.cfg.Circuit)
	}
	return keyed.Policy(c.cfg.Circuits, circuitKey, of)
}

func breakerOf(circuit *breaker.Circuit) grpcPolicy { return breaker.New[*Reply](circuit) }

// observed returns p with the name and the observer of the Config. A name of its own stays.
func (c *client) observed(p *pipeline.Pipeline[*Reply]) *pipeline.Pipeline[*Reply] {
	if p.Name() == "" {
		p = p.WithName(c.cfg.Name)
	}
	if c.cfg.Observer == nil {
		return p
	}
	return p.WithObserver(c.cfg.Observer)
}

// lasting returns p for streams: with breakers and bulkheads that hold their permits until a
// stream has ended, and without policies that would give one stream to several callers.
func lasting(p *pipeline.Pipeline[*Reply]) *pipeline.Pipeline[*Reply] {
	return p.With(func(all []grpcPolicy) []grpcPolicy {
		all = slices.DeleteFunc(all, shares)
		for i, one := range all {
			switch one := one.(type) {
			case *breaker.Breaker[*Reply]:
				all[i] = judging{one.WithKeep(keepVerdict)}
			case *bulkhead.Bulkhead[*Reply]:
				all[i] = one.WithKeep(keepPlace)
			}
		}
		return all
	})
}

// shares reports whether a policy gives the result of one call to others. Caches and coalescing
// are generic in their keys, so their types cannot be listed.
func shares(p grpcPolicy) bool {
	switch policy.Describe(p).Kind {
	case "cache", "coalesce":
		return true
	}
	return false
}
