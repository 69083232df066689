package ratelimit

import "github.com/ductile-go/ductile/internal/fault"

// Config returns the config in force, with the defaults filled in and the current rate.
func (l *Limiter) Config() Config {
	b, t := l.bucket.Load(), l.terms.Load()
	return Config{
		Name: l.name, Limit: b.limit, Per: b.per, Burst: b.burst, MaxWait: t.maxWait, Cost: t.cost, Clock: l.clock,
	}
}

// Reconfigure puts cfg in force at once, and keeps the tokens:
//
//   - Limit, Per and Burst are changed as [Limiter.SetRate] does: taken tokens stay taken,
//     and waiting calls and reservations are rescheduled at the new rate. A Per or Burst of
//     0 means the default, as in NewLimiter.
//   - MaxWait and Cost apply to calls that arrive after the change. Calls that wait already
//     wait for the tokens that they asked for, as long as they were allowed to on arrival.
//   - A pause goes on until its end.
//
// A concurrent call may use the old MaxWait and Cost with the new rate. If cfg is equal to
// the config in force, nothing changes. Reconfigure returns the error of [Config.Validate],
// or an error if cfg has another Name or Clock than the limiter; then nothing has changed.
func (l *Limiter) Reconfigure(cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	kept := fault.Kept{Name: l.name, Clock: l.clock}
	if err := kept.Check("ratelimit: Config", "limiter", cfg.Name, cfg.Clock); err != nil {
		return err
	}
	b, now := l.lock()
	defer b.line.unlock(&l.mu)
	l.terms.Store(&terms{maxWait: cfg.MaxWait, cost: cfg.Cost})
	l.setRate(b, cfg.withDefaults(), now)
	return nil
}
