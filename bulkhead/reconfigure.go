package bulkhead

import (
	"fmt"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/gate"
)

// Config returns the config in force, with the current limit.
func (g *Gate) Config() Config {
	cfg := g.core.Config()
	return Config{
		Name: cfg.Name, Limit: cfg.Limit, MaxQueue: cfg.MaxQueue, MaxWait: cfg.MaxWait, Order: Order(cfg.Order),
		Delay: CoDel(cfg.Delay), Priority: cfg.Priority, Clock: cfg.Clock,
	}
}

// core returns the config as package gate declares it.
func (c Config) core() gate.Config {
	return gate.Config{
		Name: c.Name, Limit: c.Limit, MaxQueue: c.MaxQueue, MaxWait: c.MaxWait, Order: gate.Order(c.Order),
		Delay: gate.CoDel(c.Delay), Priority: c.Priority, Clock: c.Clock,
	}
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

// Reconfigure puts cfg in force at once, and keeps the calls that run and those that wait:
//
//   - Limit is changed as [Gate.SetLimit] does.
//   - MaxQueue: waiting calls stay in the queue, even if it is longer than the new MaxQueue.
//     Until it is shorter, a new call waits only if it displaces a call of a lower priority.
//     If MaxQueue is 0, it is refused.
//   - MaxWait, Delay, Order and Priority apply to calls that begin to wait after the
//     change. Calls that wait already keep their priority, the bound of their wait, and
//     their order among each other. If Delay is turned on while calls wait, the queue
//     counts as empty at that moment.
//
// If cfg is equal to the config in force, nothing changes. Reconfigure returns the error of
// [Config.Validate], or an error if cfg has another Name or Clock than the gate; then
// nothing has changed.
func (g *Gate) Reconfigure(cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	kept := fault.Kept{Name: g.core.Name(), Clock: g.core.Clock()}
	if err := kept.Check("bulkhead: Config", "gate", cfg.Name, cfg.Clock); err != nil {
		return err
	}
	g.core.Reconfigure(cfg.core())
	return nil
}
