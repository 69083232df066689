package hedge

// WithConfig returns a copy with another config, for a configuration that is reloaded. The
// copy shares the latencies that h learns a delay from, unless one of the two has a fixed
// Delay. A new Quantile, MinDelay, MaxDelay or MinCalls applies at once to what is known.
// If neither config names a Budget, the copy shares that of h. Calls that run continue
// with h. WithConfig panics with the error of [Config.Validate].
func (h *Hedge[T]) WithConfig(cfg Config) *Hedge[T] {
	w := New[T](cfg)
	w.when, w.discard, w.late, w.keep = h.when, h.discard, h.late, h.keep
	w.Late = w.Late || h.when != nil || h.keep != nil
	if cfg.Budget == nil && h.ownBudget {
		w.budget, w.cfg.Budget = h.budget, h.cfg.Budget
	}
	if h.learned != nil && w.learned != nil {
		w.learned.continues(h.learned)
	}
	return w
}

// continues makes l learn from the latencies of old. Both may then add to them: a call of
// the old config that is still in flight counts for the new one.
func (l *learned) continues(old *learned) {
	l.latencies = old.latencies
	total := l.latencies.Total()
	if total < l.due.Load() {
		return
	}
	if d, ok := l.latencies.Quantile(l.quantile); ok {
		l.now.Store(l.bounded(d))
		l.due.Store(total + 1)
	}
}
