package gate

import (
	"context"

	"github.com/ductile-go/ductile/policy"
)

// rules are a config, and the refusal under it. They are replaced as a whole, under
// Gate.mu, and read without it by calls that decide nothing yet.
type rules struct {
	Config
	full Full
}

func rulesOf(cfg Config) *rules {
	return &rules{Config: cfg, full: Full{Name: cfg.Name, Limit: cfg.Limit, MaxQueue: cfg.MaxQueue}}
}

func (r *rules) priority(ctx context.Context) policy.Priority {
	if r.Priority != nil {
		return r.Priority(ctx)
	}
	return policy.PriorityOf(ctx)
}

// Woken are waiters to wake after a lock is released, because waking is a call out.
type Woken struct{ list woken }

// Wake wakes them.
func (w Woken) Wake() { w.list.wake() }

// SetLimit changes how many calls may run at a time; n is at least 1. A higher limit
// admits waiting calls at once. A limit below the number of running calls interrupts none
// of them, and admits no call until enough of them have ended.
func (g *Gate) SetLimit(n int) { g.Resize(n).Wake() }

// Resize is [Gate.SetLimit] for a caller that holds a lock of its own.
func (g *Gate) Resize(n int) Woken {
	g.mu.Lock()
	woken := Woken{}
	if cfg := g.rules.Load().Config; cfg.Limit != n { // calls refused under one limit share an error
		cfg.Limit = n
		woken = g.obey(cfg)
	}
	g.mu.Unlock()
	return woken
}

// Reconfigure puts a valid config of the same name and clock in force. Calls that hold a
// place keep it. Calls that wait stay in the queue, in their order and with the bounds of
// their waits.
func (g *Gate) Reconfigure(cfg Config) { g.Replace(cfg, g.Now()).Wake() }

// Now returns the time for [Gate.Replace].
func (g *Gate) Now() int64 { return g.now() }

// Replace is [Gate.Reconfigure] for a caller that holds a lock of its own, and has read
// the time before.
func (g *Gate) Replace(cfg Config, now int64) Woken {
	g.mu.Lock()
	if cfg.Delay.on() && !g.rules.Load().Delay.on() {
		g.emptyAt = now // when the queue was last empty is known only while Delay is on
	}
	woken := g.obey(cfg)
	g.mu.Unlock()
	return woken
}

// obey puts a config in force. The caller holds mu, so that of two changes the later one
// decides about the number of places too.
func (g *Gate) obey(cfg Config) Woken {
	g.gather() // otherwise calls could take places from cells beyond the new limit
	// A call reads the rules, and then whether the gate is full. Where a queue opens, the
	// rules are first: a call that finds the lowered limit finds the queue too, or that the
	// rules have changed. Where it closes, they are last: a call that finds no queue finds
	// the raised limit. In the other order, a call would be refused that both configs admit.
	if r := rulesOf(cfg); cfg.MaxQueue > 0 {
		g.rules.Store(r)
		g.allow(cfg.Limit)
	} else {
		g.allow(cfg.Limit)
		g.rules.Store(r)
	}
	return Woken{g.handOver()}
}

// allow sets the limit. One add suffices: the word holds the free places, so no call can
// be admitted by a stale limit.
func (g *Gate) allow(n int) {
	g.main.word.Add(int64(n) - g.limit.Load())
	g.limit.Store(int64(n))
}
