package storm

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

// throttle returns one of its own, which sheds calls soon.
func (p *planner) throttle() []policy.Policy[int] {
	cfg := throttle.Config{
		Name: p.name("throttle"), K: 1 + p.rnd.Float64(), Window: 10 + p.upTo(time.Second), MinCalls: 1 + p.rnd.IntN(5),
		MaxReject: 0.5, Clock: p.clock, Rand: p.random,
	}
	return p.watched(cfg.Name, &owedRules{kind: "throttle", name: cfg.Name}, throttle.New[int](throttle.NewThrottle(cfg)), nil)
}

// chaos returns an injector of latency. What other injectors return in place of the function
// would be an error of no run; see whole for those.
func (p *planner) chaos() []policy.Policy[int] {
	cfg := chaos.Config{Name: p.name("chaos"), Rate: p.rnd.Float64(), Enabled: true, Clock: p.clock, Rand: p.random}
	latency := p.upTo(longest)
	p.waits++
	i := chaos.Latency[int](cfg, func(context.Context) time.Duration { return latency })
	return p.watched(cfg.Name, &owedRules{kind: "chaos", name: cfg.Name}, i, nil)
}
