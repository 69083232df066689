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
	"github.com/ductile-go/ductile/throttle"
)

type httpPolicy = policy.Policy[*http.Response]

func (t *Transport) newHost(k hostKey) *host {
	h := t.makeHost(k.String(), false)
	switch {
	case t.nested || k.scheme != "http":
	case t.h2c:
		h.conns.protocol.Store(http2)
	default: // assume HTTP/1 until a request shows another protocol
		h.conns.protocol.Store(http1)
		h.conns.assumed.Store(!t.plain)
	}
	return h
}

// overflow returns the host shared by all hosts beyond the limit: a circuit that refuses no
// call, and one gate and one limiter that bound all of them together. It has no throttle of
// its own: a host that is down would have the calls to all others shed.
func (t *Transport) overflow() *host { return t.makeHost("overflow", true) }

func (t *Transport) makeHost(name string, shadow bool) *host {
	h := &host{name: name, circuit: t.cfg.Circuit, throttle: t.cfg.Throttle, limiter: t.cfg.Limiter, gate: t.cfg.Gate}
	if !t.circuits.none && h.circuit == nil {
		cfg := t.cfg.Circuits
		cfg.Name, cfg.Shadow = name, cfg.Shadow || shadow
		h.circuit = breaker.NewCircuit(cfg)
		h.own = append(h.own, h.circuit)
	}
	if h.throttle == nil && t.cfg.Throttles != nil && !shadow {
		cfg := *t.cfg.Throttles
		cfg.Name = name
		h.throttle = throttle.NewThrottle(cfg)
		h.own = append(h.own, h.throttle)
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

// config returns cfg with the host's own circuit, throttle, limiter and gate.
func (h *host) config(cfg Config) Config {
	cfg.Circuit, cfg.Throttle, cfg.Limiter, cfg.Gate = h.circuit, h.throttle, h.limiter, h.gate
	return cfg
}

// calls are the pipelines around the exchanges of a host.
type calls struct {
	hedged *pipeline.Pipeline[*http.Response]
	single *pipeline.Pipeline[*http.Response] // for requests that must not be sent twice at once
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
		if inside := innermost(cfg, t.inside...); len(inside) > 0 {
			p = p.With(func(all []httpPolicy) []httpPolicy { return append(all, inside...) })
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

// standard returns the standard pipeline, built from policies that handle bodies.
func (t *Transport) standard(cfg Config, h *host) *pipeline.Pipeline[*http.Response] {
	name := h.name
	if cfg.Circuit != nil {
		name = cfg.Circuit.Name()
	}
	p := pipeline.Standard[*http.Response](cfg.standard(name))
	return observed(p.With(func(all []httpPolicy) []httpPolicy { return t.around(all, cfg, h) }), cfg)
}

// around replaces the policies of a standard pipeline with this package's, and inserts the
// policies that run inside the breaker.
func (t *Transport) around(standard []httpPolicy, cfg Config, h *host) (all []httpPolicy) {
	inside := 0
	for _, p := range standard {
		switch p := p.(type) {
		case *retry.Retry[*http.Response]:
			bent, _ := p.Describe().Config.(retry.Config) // adjusted to fit in the total
			bent.OnRetry = cfg.Retry.OnRetry
			all = append(all, Retry(bent))
			inside = len(all)
		case *hedge.Hedge[*http.Response]:
			all = append(all, h.hedge) // it has measured how long the host takes
			inside = len(all)
		case *breaker.Breaker[*http.Response]:
			all = append(all, Breaker(cfg.Circuit))
			inside = len(all)
		case *throttle.Throttled[*http.Response]:
			all = append(all, p)
			inside = len(all)
		case *ratelimit.RateLimit[*http.Response]:
			all = append(all, rateLimit(cfg.Limiter, cfg.Retry.MaxRetryAfter))
		case *bulkhead.Bulkhead[*http.Response]:
			all = append(all, Bulkhead(cfg.Gate))
		default:
			all = append(all, p)
		}
	}
	return innermost(cfg, slices.Insert(all, inside, t.inside...)...)
}

// innermost adds the policy that runs inside of all others.
func innermost(cfg Config, all ...httpPolicy) []httpPolicy {
	if cfg.Chaos == nil {
		return all
	}
	return append(slices.Clone(all), cfg.Chaos)
}
