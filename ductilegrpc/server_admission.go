package ductilegrpc

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/throttle"
)

// admission runs calls with a result of type T inside the policies of a ServerConfig.
type admission[T any] struct {
	cfg    ServerConfig
	plain  *pipeline.Pipeline[T]
	tapped *pipeline.Pipeline[T] // for calls with a ticket of a Tap, which has asked some of the policies already
}

// newAdmission returns an admission whose calls take at most timeout, if that is more than 0.
func newAdmission[T any](cfg ServerConfig, timeout time.Duration) *admission[T] {
	a := &admission[T]{cfg: cfg}
	shared := sharedPolicies[T](cfg)
	outer := bounds[T](cfg, timeout)
	plain, tapped := outer, outer[:len(outer):len(outer)]
	for _, s := range shared {
		plain, tapped = append(plain, s.Policy), append(tapped, s)
	}
	if cfg.MinRemaining > 0 && len(shared) > 0 { // a queue may have used up what remained
		inner := newRemaining[T](cfg)
		plain, tapped = append(plain, inner), append(tapped, inner)
	}
	a.plain, a.tapped = observed(cfg, plain), observed(cfg, tapped)
	return a
}

// bounds returns the policies that keep no state.
func bounds[T any](cfg ServerConfig, timeout time.Duration) (policies []policy.Policy[T]) {
	if timeout > 0 {
		policies = append(policies, policy.NewTimeout[T](policy.TimeoutConfig{Name: "request", After: timeout, Clock: cfg.Clock}))
	}
	if cfg.MinRemaining > 0 {
		policies = append(policies, newRemaining[T](cfg))
	}
	return policies
}

// sharedPolicies returns the policies whose state all calls share, outermost first.
func sharedPolicies[T any](cfg ServerConfig) (policies []*shared[T]) {
	if cfg.Limiters != nil {
		policies = append(policies, &shared[T]{Policy: byCaller[T](cfg), state: cfg.Limiters})
	}
	if cfg.Limiter != nil {
		policies = append(policies, &shared[T]{Policy: ratelimit.New[T](cfg.Limiter), state: cfg.Limiter})
	}
	if t := cfg.Throttle; t != nil {
		own := t.Config().Classify
		p := throttle.New[T](t).WithClassifier(classifier[T](cfg, own))
		policies = append(policies, &shared[T]{Policy: p, state: t, outcome: ending(cfg, own)})
	}
	if cfg.Gate != nil {
		policies = append(policies, &shared[T]{Policy: bulkhead.New[T](cfg.Gate), state: cfg.Gate})
	}
	if l := cfg.Adaptive; l != nil {
		own := l.Config().Classify
		p := adaptive.New[T](l).WithClassifier(classifier[T](cfg, own))
		policies = append(policies, &shared[T]{Policy: p, state: l, outcome: ending(cfg, own)})
	}
	return policies
}

// byCaller returns the policy that runs each call through the limiter of its caller.
func byCaller[T any](cfg ServerConfig) policy.Policy[T] {
	key := func(ctx context.Context) (string, bool) { return cfg.Caller(ctx, methodOf(ctx)) }
	return keyed.Policy(cfg.Limiters, key, func(l *ratelimit.Limiter) policy.Policy[T] { return ratelimit.New[T](l) })
}

func observed[T any](cfg ServerConfig, policies []policy.Policy[T]) *pipeline.Pipeline[T] {
	p := pipeline.New(policies...)
	if cfg.Observer != nil {
		p = p.WithObserver(labelled(cfg.Observer))
	}
	return p
}

// do runs handler inside the policies.
func (a *admission[T]) do(ctx context.Context, method string, handler policy.Func[T]) (T, error) {
	if a.cfg.Observer != nil || a.cfg.Caller != nil {
		ctx = withMethod(ctx, method)
	}
	if a.cfg.Priority != nil {
		ctx = policy.WithPriority(ctx, a.cfg.Priority(ctx, method))
	}
	if ticketOf(ctx) != nil {
		return a.tapped.Do(ctx, handler)
	}
	return a.plain.Do(ctx, handler)
}
