package storm

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
)

// load is a gate or a limiter of the scene.
type load struct {
	gate     *bulkhead.Gate
	limiter  *ratelimit.Limiter
	adaptive *adaptive.Limiter
}

// load returns a gate, an adaptive limit, a throttle, chaos, a rate limit or a hedge.
func (p *planner) load() []policy.Policy[int] {
	switch p.rnd.IntN(3) {
	case 0:
		return p.limiter()
	case 1:
		if p.clock == nil && !p.alone && p.hedges == 0 {
			return p.hedge()
		}
	}
	switch p.rnd.IntN(10) {
	case 0, 1, 2:
		return p.adaptive()
	case 3:
		return p.throttle()
	case 4:
		return p.chaos()
	}
	return p.gate()
}

// gate returns a bulkhead with a gate of its own: a call that takes two places of one
// gate may wait for itself.
func (p *planner) gate() []policy.Policy[int] {
	cfg := bulkhead.Config{Name: p.name("gate"), Limit: 1 + p.rnd.IntN(3), Clock: p.clock}
	if p.chance(70) {
		cfg.MaxQueue, cfg.Order = 1+p.rnd.IntN(8), bulkhead.Order(p.rnd.IntN(3))
		cfg.Priority = func(ctx context.Context) policy.Priority {
			return policy.Priority(ctx.Value(callKey{}).(*call).n%5 - 2)
		}
		if p.chance(50) {
			cfg.MaxWait = p.upTo(longest)
		}
		if cfg.Order == bulkhead.Adaptive || p.chance(20) {
			cfg.Delay = bulkhead.CoDel{Target: p.upTo(longest), Interval: longest + p.upTo(longest)}
		}
		p.waits++
	}
	g := bulkhead.NewGate(cfg)
	b := bulkhead.New[int](g)
	// A call that is tried again before it returns would wait for its own place.
	if p.chance(25) && p.retries == 0 && p.hedges == 0 {
		b = b.WithKeep(p.s.holdPlace)
	}
	p.s.loads = append(p.s.loads, load{gate: g})
	return p.watched(cfg.Name, &owedRules{kind: "bulkhead", name: cfg.Name}, b, nil)
}

// holdPlace gives the places of some calls back at once, and of others when the call has
// returned. It does so twice; the second time must change nothing. In scenes with functions
// that may be left behind, all places go back at once: such a function may come here after
// its call has returned.
func (s *scene) holdPlace(ctx context.Context, n int, release func()) int {
	c := ctx.Value(callKey{}).(*call)
	if n%2 == 0 || len(s.leaving) > 0 {
		release()
		release()
		return n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.places = append(c.places, release)
	return n
}

// releasePlaces gives back what a call that has returned has kept.
func (s *scene) releasePlaces(c *call) {
	s.mu.Lock()
	all := c.places
	c.places = nil
	s.mu.Unlock()
	for _, release := range all {
		release()
		release()
	}
}

// limiter returns a rate limit with a limiter of its own.
func (p *planner) limiter() []policy.Policy[int] {
	cfg := ratelimit.Config{
		Name: p.name("limiter"), Limit: 50 + p.rnd.IntN(2000), Burst: 1 + p.rnd.IntN(4), Clock: p.clock,
	}
	switch p.rnd.IntN(3) {
	case 0:
		cfg.MaxWait = -1
	case 1:
		cfg.MaxWait = p.upTo(longest)
	}
	if cfg.MaxWait != 0 {
		p.waits++
	}
	if p.chance(20) {
		cfg.Cost = func(ctx context.Context) int { return ctx.Value(callKey{}).(*call).n % 4 }
	}
	l := ratelimit.NewLimiter(cfg)
	r := ratelimit.New[int](l)
	if p.chance(20) {
		r = r.WithPause(func(v int, _ error) time.Duration { return time.Duration(v % 7 * int(longest) / 7) })
	}
	p.s.loads = append(p.s.loads, load{limiter: l})
	p.s.limited = true
	return p.watched(cfg.Name, &owedRules{kind: "ratelimit", name: cfg.Name}, r, nil)
}

// hedge returns one. An AutoAdvance clock cannot order two runs, so there are none on it.
// Where histories are compared, no two attempts begin in one instant.
func (p *planner) hedge() []policy.Policy[int] {
	cfg := hedge.Config{
		Name: p.name("hedge"), Delay: p.upTo(longest), MaxExtra: 1 + p.rnd.IntN(2),
		Budget: hedge.NoBudget, OnFailure: p.chance(40), Abandon: p.chance(30),
	}
	switch p.rnd.IntN(4) {
	case 0:
		cfg.Budget = p.budget
	case 1:
		cfg.Budget = nil
	}
	if !p.alone && p.chance(20) {
		cfg.Delay, cfg.OnFailure = hedge.AtOnce, false
	}
	p.hedges++
	p.waits++ // its attempts may follow one another
	p.s.hedged = true
	h := hedge.New[int](cfg).WithDiscard(func(v int) { p.s.ledger.enter(v, "discarded") })
	return p.watched(cfg.Name, &owedRules{kind: "hedge", name: cfg.Name}, h, nil)
}

// loadIsGone complains of places and tokens that were not given back. Nothing runs any
// more.
func (s *scene) loadIsGone() {
	for _, l := range s.loads {
		switch {
		case l.gate != nil:
			s.gateIsEmpty(l.gate)
		case l.adaptive != nil:
			s.limiterIsEmpty(l.adaptive)
		default:
			s.lineIsEmpty(l.limiter)
		}
	}
}

func (s *scene) gateIsEmpty(g *bulkhead.Gate) {
	is := g.Snapshot()
	var places []*bulkhead.Place
	for len(places) <= is.Limit {
		p, ok := new(bulkhead.Place), false
		if *p, ok = g.TryAcquire(); !ok {
			break
		}
		places = append(places, p)
	}
	for _, p := range places {
		p.Release()
	}
	if len(places) != is.Limit || is.Waiting != 0 || !g.Idle() {
		s.fault("%s: %d of %d places are free, and %d calls wait: a place was not given back", is.Name, len(places), is.Limit, is.Waiting)
	}
}

// lineIsEmpty complains if a whole bucket takes longer than to fill an empty one.
func (s *scene) lineIsEmpty(l *ratelimit.Limiter) {
	is := l.Snapshot()
	r, err := l.Reserve(is.Burst, -1)
	most := is.Paused + is.Per*time.Duration(is.Burst)/time.Duration(is.Limit) + time.Duration(is.Burst)
	if err != nil || r.Delay() > most || is.Waiting != 0 {
		s.fault("%s: %d calls wait, and a full bucket takes %v, want %v at most: tokens were not given back: %v", is.Name, is.Waiting, r.Delay(), most, err)
	}
}
