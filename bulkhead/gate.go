package bulkhead

import (
	"context"
	"fmt"

	"github.com/ductile-go/ductile/internal/gate"
	"github.com/ductile-go/ductile/policy"
)

// Gate limits how many calls run at a time. Make one with [NewGate]; the zero Gate is not
// usable. It has no type parameter, so calls of any result type can share it. It is safe
// for concurrent use and starts no goroutine.
//
// A released place goes directly to the first waiting call; a newcomer cannot take it
// first.
type Gate struct{ core gate.Gate }

// voice is how the errors and events of gates name them.
var voice = &gate.Voice{
	Kind: kind, Noun: "gate",
	Full: func(f *gate.Full) error { return (*FullError)(f) },
}

// NewGate returns a gate with the given config. It panics with the error of
// [Config.Validate].
func NewGate(cfg Config) *Gate {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	g := new(Gate)
	g.core.Init(gate.Config{
		Name: cfg.Name, Limit: cfg.Limit, MaxQueue: cfg.MaxQueue, MaxWait: cfg.MaxWait, Order: gate.Order(cfg.Order),
		Delay: gate.CoDel(cfg.Delay), Priority: cfg.Priority, Clock: cfg.Clock,
	}, voice)
	return g
}

// config returns the config with the current limit.
func (g *Gate) config() Config {
	cfg := g.core.Config()
	return Config{
		Name: cfg.Name, Limit: cfg.Limit, MaxQueue: cfg.MaxQueue, MaxWait: cfg.MaxWait, Order: Order(cfg.Order),
		Delay: CoDel(cfg.Delay), Priority: cfg.Priority, Clock: cfg.Clock,
	}
}

// Name returns the gate's name.
func (g *Gate) Name() string { return g.core.Name() }

// TryAcquire takes a place if one is free and no call waits. Otherwise it returns false
// and a zero Place. The caller must release the place.
func (g *Gate) TryAcquire() (Place, bool) {
	c := g.core.TryEnter()
	if c == nil {
		return Place{}, false
	}
	return Place{gate: &g.core, cell: c}, true
}

// Acquire takes a place. It waits for one if all are in use and the queue has room. The
// caller must release the place, usually with defer.
//
// It returns a *[FullError] if there is no place, or if MaxWait, Delay or a call of a
// higher priority ended the wait. If ctx has ended before the call, it returns the error
// of [policy.Ended]. If ctx ends during the wait, the error matches that error and
// [policy.ErrRejected], and a place granted at the same moment goes to the next call. If
// ctx is speculative, as [policy.Speculative] defines, Acquire never waits.
func (g *Gate) Acquire(ctx context.Context) (Place, error) {
	if ctx.Err() != nil {
		return Place{}, policy.Ended(ctx)
	}
	c, _ := g.core.Enter()
	if c == nil {
		e, err := g.core.EnterSlowly(ctx)
		if err != nil {
			return Place{}, err
		}
		c = e.Cell
	}
	return Place{gate: &g.core, cell: c}, nil
}

// SetLimit changes how many calls may run at a time. A higher limit admits waiting calls
// at once. A limit below the number of running calls interrupts none of them, and admits
// no call until enough of them have ended. SetLimit panics if n is not in 1 to
// 2147483647.
func (g *Gate) SetLimit(n int) {
	if n < 1 || n > maxLimit {
		panic(fmt.Sprintf("bulkhead: Gate.SetLimit: n is %d, want 1 to %d", n, maxLimit))
	}
	g.core.SetLimit(n)
}
