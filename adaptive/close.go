package adaptive

import "time"

// close closes a window, if it is not nil and no other call has closed it, and moves the
// limit. It returns the change, or nil.
//
// Several calls may find the window complete at the same time. One compare-and-swap picks
// the one that moves the limit: two would move it twice for the same samples. Until that
// one stores the next window, other calls add to the closed window, and none can close
// another.
func (l *Limiter) close(w *window, now int64) *Change {
	if w == nil || !w.closed.CompareAndSwap(false, true) {
		return nil
	}
	moved := l.move(w, now)
	if moved != nil {
		l.changes.deliver()
	}
	return moved
}

// move moves the limit as the window says, and stores the next window.
func (l *Limiter) move(w *window, now int64) (moved *Change) {
	next := l.newWindow(w.era, w.limit, now)
	before, decided := l.climber, false
	// Deferred, since the clock is the user's: if it panics, the limiter goes on. The climber
	// must then be as before: it would compare two windows of one limit as if they were two.
	// The change is queued before the window is stored, so that the changes are in order.
	defer func() {
		if !decided {
			l.climber = before
		}
		if moved != nil {
			l.changes.push(*moved)
		}
		l.window.Store(next)
	}()
	to := l.decide(w, now)
	if to == w.limit {
		decided = true
		return nil
	}
	at := time.Time{}
	if l.cfg.OnChange != nil {
		at = l.clock.When(now)
	}
	next = l.after(w, to, now)
	moved, decided = &Change{Name: l.cfg.Name, From: w.limit, To: to, At: at}, true
	// Set before the next window is stored: calls that are admitted in between count as
	// begun under the old limit, and so as no samples.
	l.gate.SetLimit(to)
	return moved
}

// decide returns the next limit.
func (l *Limiter) decide(w *window, now int64) int {
	if l.target > 0 {
		to, pinned := l.aim(w)
		l.pinned.Store(pinned)
		return to
	}
	return l.climber.climb(l.measure(w, now), w.limit)
}

// after returns the first window of a new limit. For Climb, calls of the old limit must
// end before it begins: its throughput would be theirs. AIMD has no throughput.
func (l *Limiter) after(w *window, to int, now int64) *window {
	if l.target > 0 {
		return l.newWindow(w.era+1, to, now)
	}
	next := l.newWindow(w.era+1, to, warming)
	// Calls whose values are kept have been counted.
	if next.old = int64(l.gate.Snapshot().InUse) - l.kept.Load(); next.old <= 0 {
		next.old = 0
		next.begun.Store(withFirst)
	}
	return next
}
