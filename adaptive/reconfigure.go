package adaptive

import (
	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/gate"
)

// Config returns the config in force, with the defaults filled in.
func (l *Limiter) Config() Config { return *l.cfg.Load() }

// Reconfigure puts cfg in force at once, and keeps what the limiter has learned:
//
//   - The limit stays, moved to Min or Max if it is outside of them; Initial does not matter
//     any more. OnChange is called for such a move; no event is emitted.
//   - The window starts anew if Target, Window or MinCalls differ, and if the limit moves.
//     Calls in flight count in the new one if the limit is theirs. With Target instead of
//     Climb, or the other way round, the new algorithm begins at the limit in force.
//   - Calls that hold a place keep it. MaxQueue, MaxWait, Order, Delay and Priority
//     apply to waiting calls as in [bulkhead.Gate.Reconfigure].
//   - Classify decides about calls that end after the change. OnChange is called for
//     later changes of the limit.
//
// If cfg is equal to the config in force, nothing changes. Reconfigure returns the error of
// [Config.Validate], or an error if cfg has another Name or Clock than the limiter; then
// nothing has changed.
func (l *Limiter) Reconfigure(cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	kept := fault.Kept{Name: l.name, Clock: l.clock}
	if err := kept.Check("adaptive: Config", "limiter", cfg.Name, cfg.Clock); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	m, queues := l.moment(&cfg, l.time.Now()), l.gate.Now()
	l.mu.Lock()
	moved, woken := l.obey(&cfg, m, queues)
	l.mu.Unlock()
	woken.Wake()
	if moved != nil {
		l.changes.deliver()
	}
	return nil
}

// obey puts a config in force. The caller holds mu.
func (l *Limiter) obey(cfg *Config, m moment, queues int64) (*Change, gate.Woken) {
	was, w := l.cfg.Load(), l.window.Load()
	to := max(cfg.Min, min(cfg.Max, w.limit))
	// Before the window, so that a call that finds the new window finds its config.
	l.cfg.Store(cfg)
	l.changes.listen(cfg.OnChange)
	l.climber.bound(cfg.Min, cfg.Max)
	if (was.Target == 0) != (cfg.Target == 0) {
		l.climber = cfg.newClimber(to)
	}
	if to != cfg.Min {
		l.pinned.Store(false)
	}
	woken := l.gate.Replace(cfg.gate(to), queues) // before the window: see move
	switch {
	case to != w.limit:
		l.climber.restart()
		l.pinned.Store(false)
		return l.begins(l.after(cfg, w, to, m), m, w.learned), woken
	case was.Target != cfg.Target || was.Window != cfg.Window || was.MinCalls != cfg.MinCalls:
		l.climber.restart()
		l.pinned.Store(false)
		l.window.Store(l.again(cfg, w, m.now))
	}
	return nil, woken
}

// again returns a new window for the limit of w. If calls of an older limit still shape what
// is measured, it goes on to wait for their end.
func (l *Limiter) again(cfg *Config, w *window, now int64) *window {
	next := cfg.newWindow(w.era, w.limit, now)
	next.learned = w.learned
	if cfg.Target == 0 && w.begun.Load() == warming {
		next.old = w.old - w.gone.Load()
		next.begun.Store(warming)
	}
	return next
}
