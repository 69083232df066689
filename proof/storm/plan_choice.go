package storm

import (
	"context"
	"errors"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// checkRules are the rules of a policy that turns values into errors.
type checkRules struct{}

var errChecked = errors.New("storm: a value that is an error")

// check turns some values into errors.
func check(v int, err error) error {
	if err == nil && v%7 == 0 {
		return errChecked
	}
	return err
}

func (checkRules) judge(v *visit) verdict {
	if v.turnedAway() {
		return endOf(v.ctx)
	}
	r := v.only()
	if r == nil || r.how.neverReturned() || r.err != nil || check(r.v, r.err) == nil {
		return v.passes(r)
	}
	if v.own.v != r.v || !same(v.own.err, errChecked) {
		v.fault("%d is an error, and it came to %d, %v", r.v, v.own.v, text(v.own.err))
	}
	return failed
}

func (p *planner) check() []policy.Policy[int] {
	return p.watched(p.name("check"), checkRules{}, policy.Check(check), nil)
}

// choice returns a policy that runs calls through one of two pipelines or through neither.
func (p *planner) choice() policy.Policy[int] {
	bound := p.bound
	one, other := pipeline.New(p.policies(1)...), pipeline.New(p.policies(1)...)
	p.bound = bound // not every call runs under a limit that is made here
	return policy.Select(func(ctx context.Context) policy.Policy[int] {
		switch ctx.Value(callKey{}).(*call).n % 3 {
		case 0:
			return one
		case 1:
			return other
		}
		return nil
	})
}

// keyed returns a policy that runs calls through the circuit of their key, or without one.
func (p *planner) keyed() policy.Policy[int] {
	of := map[*breaker.Circuit]policy.Policy[int]{}
	circuits := map[string]*breaker.Circuit{}
	for _, t := range p.s.tallies {
		w := &witness{s: p.s, name: "breaker " + t.cfg.Name + " by key", deaf: p.deaf, rules: &breakerRules{tally: t}, tally: t, key: t.cfg.Name}
		t.deaf = t.deaf || p.deaf
		circuits[t.cfg.Name] = t.circuit
		of[t.circuit] = pipeline.New[int](outside{w}, breaker.New[int](t.circuit), inside{w})
	}
	p.what = append(p.what, "keyed")
	m := keyed.New(keyed.Config[string, *breaker.Circuit]{
		Make: func(key string) *breaker.Circuit { return circuits[key] }, Clock: p.clock,
	})
	key := func(ctx context.Context) (string, bool) {
		n := ctx.Value(callKey{}).(*call).n % 3
		return []string{"a", "b", ""}[n], n < 2
	}
	return keyed.Policy(m, key, func(c *breaker.Circuit) policy.Policy[int] { return of[c] })
}
