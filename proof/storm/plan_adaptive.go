package storm

import (
	"context"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/policy"
)

// adaptive returns a limiter of its own, whose windows are short enough to move the limit
// between a scene's calls.
func (p *planner) adaptive() []policy.Policy[int] {
	cfg := adaptive.Config{
		Name: p.name("adaptive"), Initial: 1 + p.rnd.IntN(3), Max: 4, MinCalls: 1 + p.rnd.IntN(3), Window: p.upTo(longest),
		Clock: p.clock,
	}
	if p.chance(50) {
		cfg.Target = p.upTo(longest)
	}
	if p.chance(50) {
		cfg.MaxQueue = 1 + p.rnd.IntN(8)
		p.waits++
	}
	var last *adaptive.Change
	cfg.OnChange = func(c adaptive.Change) { // one at a time
		if last != nil && last.To != c.From || c.From == c.To || c.To < 1 || c.To > cfg.Max {
			p.s.fault("%s: a change %+v after %+v", cfg.Name, c, last)
		}
		last = &c
	}
	l := adaptive.NewLimiter(cfg)
	a := adaptive.New[int](l)
	// A call that is tried again before it returns would wait for its own place.
	if p.chance(25) && p.retries == 0 && p.hedges == 0 {
		a = a.WithKeep(p.s.holdPlace)
	}
	p.s.loads = append(p.s.loads, load{adaptive: l})
	return p.watched(cfg.Name, &owedRules{kind: "adaptive", name: cfg.Name}, a, nil)
}

// limiterIsEmpty complains of permits that were not given back.
func (s *scene) limiterIsEmpty(l *adaptive.Limiter) {
	is := l.Snapshot()
	permits := make([]adaptive.Permit, is.Limit)
	free := 0
	for i := range permits {
		var err error
		if permits[i], err = l.Acquire(policy.WithSpeculative(context.Background())); err != nil {
			break
		}
		free++
	}
	for i := range permits[:free] {
		permits[i].Record(policy.Ignored)
		permits[i].Record(policy.Success)
	}
	if free != is.Limit || is.Waiting != 0 || is.InUse != 0 || l.Snapshot().InUse != 0 {
		s.fault("%s: %d of %d permits are free, and %d calls wait: a permit was not given back", is.Name, free, is.Limit, is.Waiting)
	}
}
