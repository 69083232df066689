package throttle

import "github.com/ductile-go/ductile/internal/fault"

// Config returns the config in force, with the defaults filled in.
func (t *Throttle) Config() Config { return t.tally.Load().cfg }

// Reconfigure puts cfg in force at once, and keeps what the window holds if Window is the
// same. With another Window it begins empty, and so does the throttling; a call that is
// counted at that moment may be lost. The shares of the classes are kept. Calls in flight
// count when they end.
//
// If cfg is equal to the config in force, nothing changes. Reconfigure returns the error of
// [Config.Validate], or an error if cfg has another Name or Clock than the throttle; then
// nothing has changed.
func (t *Throttle) Reconfigure(cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	kept := fault.Kept{Name: t.name, Clock: t.clock}
	if err := kept.Check("throttle: Config", "throttle", cfg.Name, cfg.Clock); err != nil {
		return err
	}
	fresh := newTally(cfg.withDefaults(), &t.time)
	t.mu.Lock()
	if was := t.tally.Load(); was.cfg.Window == fresh.cfg.Window {
		fresh.ring = was.ring
	}
	t.tally.Store(fresh)
	t.mu.Unlock()
	t.mood.worsen() // what was calm with the old K may not be with the new one
	return nil
}
