package ductilehttp

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

type httpPolicy = policy.Policy[*http.Response]

func (t *Transport) newHost(k hostKey) *host {
	h := t.makeHost(k.String(), false)
	switch {
	case t.nested || k.scheme != "http":
	case t.h2c:
		h.conns.protocol.Store(http2)
	default: // until it is seen to be something else
		h.conns.protocol.Store(http1)
		h.conns.assumed.Store(!t.plain)
	}
	return h
}

// overflow returns what the hosts share for which there is no room: a circuit that
// refuses no call, and one gate and one limiter, which are bounds for all of them.
func (t *Transport) overflow() *host { return t.makeHost("overflow", true) }

func (t *Transport) makeHost(name string, shadow bool) *host {
	h := &host{name: name, circuit: t.cfg.Circuit, limiter: t.cfg.Limiter, gate: t.cfg.Gate}
	if !t.circuits.none && h.circuit == nil {
		cfg := t.cfg.Circuits
		cfg.Name, cfg.Shadow = name, cfg.Shadow || shadow
		h.circuit = breaker.NewCircuit(cfg)
		h.own = append(h.own, h.circuit)
	}
	if h.limiter == nil && t.cfg.limits() {
		cfg := t.cfg.Limiters
		cfg.Name = name
		h.limiter = ratelimit.NewLimiter(cfg)
		h.own = append(h.own, h.limiter)
	}
	if h.gate == nil && t.cfg.gates() {
		cfg := t.cfg.Gates
		cfg.Name = name
		h.gate = bulkhead.NewGate(cfg)
		h.own = append(h.own, h.gate)
	}
	if t.cfg.Hedge != nil {
		cfg := *t.cfg.Hedge
		cfg.Name, cfg.Clock = cmp.Or(cfg.Name, name), cmp.Or(cfg.Clock, t.cfg.Clock)
		h.hedge = Hedge(cfg)
	}
	h.calls = t.compose(h.config(t.cfg), h)
	return h
}

// config returns cfg with what the host has instead of the configs for all hosts.
func (h *host) config(cfg Config) Config {
	cfg.Circuit, cfg.Limiter, cfg.Gate = h.circuit, h.limiter, h.gate
	return cfg
}

// calls are the pipelines around the exchanges of a host.
type calls struct {
	hedged *pipeline.Pipeline[*http.Response]
	single *pipeline.Pipeline[*http.Response] // for what cannot be sent twice at a time
}

// of returns the pipeline for an exchange.
func (c *calls) of(x *exchange) *pipeline.Pipeline[*http.Response] {
	if c.hedged != c.single && x.hedgeable() {
		return c.hedged
	}
	return c.single
}

// compose returns the pipelines that cfg describes.
func (t *Transport) compose(cfg Config, h *host) *calls {
	if cfg.Pipeline != nil {
		p := cfg.Pipeline
		if len(t.inside) > 0 {
			p = p.With(func(all []httpPolicy) []httpPolicy { return append(all, t.inside...) })
		}
		p = observed(p, cfg)
		return &calls{p, p}
	}
	hedged := t.standard(cfg, h)
	if cfg.Hedge == nil {
		return &calls{hedged, hedged}
	}
	cfg.Hedge = nil
	return &calls{hedged, t.standard(cfg, h)}
}

func observed(p *pipeline.Pipeline[*http.Response], cfg Config) *pipeline.Pipeline[*http.Response] {
	if cfg.Observer == nil {
		return p
	}
	return p.WithObserver(cfg.Observer)
}

// standard returns the standard pipeline, of policies that know about bodies.
func (t *Transport) standard(cfg Config, h *host) *pipeline.Pipeline[*http.Response] {
	name := h.name
	if cfg.Circuit != nil {
		name = cfg.Circuit.Name()
	}
	p := pipeline.Standard[*http.Response](cfg.standard(name))
	return observed(p.With(func(all []httpPolicy) []httpPolicy { return t.around(all, cfg, h) }), cfg)
}

// around returns this package's policies instead of those of a standard pipeline, and
// what is inside of the breaker.
func (t *Transport) around(standard []httpPolicy, cfg Config, h *host) (all []httpPolicy) {
	inside := 0
	for _, p := range standard {
		switch p := p.(type) {
		case *retry.Retry[*http.Response]:
			bent, _ := p.Describe().Config.(retry.Config) // as it fits in the total
			bent.OnRetry = cfg.Retry.OnRetry
			all = append(all, Retry(bent))
			inside = len(all)
		case *hedge.Hedge[*http.Response]:
			all = append(all, h.hedge) // which knows how long the host takes
			inside = len(all)
		case *breaker.Breaker[*http.Response]:
			all = append(all, Breaker(cfg.Circuit))
			inside = len(all)
		case *ratelimit.RateLimit[*http.Response]:
			all = append(all, rateLimit(cfg.Limiter, cfg.Retry.MaxRetryAfter))
		case *bulkhead.Bulkhead[*http.Response]:
			all = append(all, Bulkhead(cfg.Gate))
		default:
			all = append(all, p)
		}
	}
	return slices.Insert(all, inside, t.inside...)
}
