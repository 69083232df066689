package sim

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/policy"
)

// Ours is a limiter of package adaptive, on a clock that the simulation sets.
type Ours struct {
	*adaptive.Limiter
	clock *clock
}

// New returns a limiter with the config.
func New(cfg adaptive.Config) Ours {
	c := &clock{now: time.Unix(0, 0)}
	cfg.Clock = c
	return Ours{adaptive.NewLimiter(cfg), c}
}

// Enter implements Limiter.
func (o Ours) Enter(now time.Duration) (leave func(time.Duration, bool), ok bool) {
	o.clock.set(now)
	p := new(adaptive.Permit)
	var err error
	if *p, err = o.Acquire(context.Background()); err != nil {
		return nil, false
	}
	return func(now time.Duration, failed bool) {
		o.clock.set(now)
		if failed {
			p.Record(policy.Failure)
			return
		}
		p.Record(policy.Success)
	}, true
}

// clock is a clock that is only read.
type clock struct {
	policy.Clock
	now time.Time
}

func (c *clock) Now() time.Time      { return c.now }
func (c *clock) set(d time.Duration) { c.now = time.Unix(0, int64(d)) }
