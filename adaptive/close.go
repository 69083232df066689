package adaptive

import (
	"time"

	"github.com/ductile-go/ductile/internal/gate"
)

// moment is what a move of the limit needs from outside. It is read before the lock, since
// clocks and waiters are the user's. If one panics then, nothing has changed.
type moment struct {
	now   int64
	at    time.Time // of a Change
	inUse int       // for Climb
}

func (l *Limiter) moment(c *Config, now int64) moment {
	m := moment{now: now, at: l.time.When(now)}
	if c.Target == 0 {
		m.inUse = l.gate.Snapshot().InUse
	}
	return m
}

// close closes a window, if it is not nil and no other call has closed it, and moves the
// limit. It returns the change, or nil.
//
// Several calls may find the window complete at the same time. One compare-and-swap picks
// the one that moves the limit: two would move it twice for the same samples. Until that
// one stores the next window, other calls add to the closed window, and none can close
// another.
func (l *Limiter) close(w *window, now int64) *Change {
	if w == nil || w.closed.Load() {
		return nil
	}
	m := l.moment(l.cfg.Load(), now)
	if !w.closed.CompareAndSwap(false, true) {
		return nil
	}
	l.mu.Lock()
	moved, woken := l.move(w, m)
	l.mu.Unlock()
	woken.Wake()
	if moved != nil {
		l.changes.deliver()
	}
	return moved
}

// move moves the limit as the window says, and stores the next window. It does nothing if
// Reconfigure has replaced the window meanwhile. The caller holds mu.
func (l *Limiter) move(w *window, m moment) (*Change, gate.Woken) {
	if l.window.Load() != w {
		return nil, gate.Woken{}
	}
	c := l.cfg.Load()
	to := l.decide(c, w, m.now)
	if to == w.limit {
		next := c.newWindow(w.era, w.limit, m.now)
		next.learned = w.learned
		l.window.Store(next)
		return nil, gate.Woken{}
	}
	// Resized before the next window is stored: calls that are admitted in between count as
	// begun under the old limit, and so as no samples.
	woken := l.gate.Resize(to)
	return l.begins(l.after(c, w, to, m), m, true), woken
}

// begins stores the first window of a new limit, and returns the change. It is queued before
// the window is stored, so that the changes are in order. The caller holds mu.
func (l *Limiter) begins(next *window, m moment, learned bool) *Change {
	w := l.window.Load()
	next.learned = learned
	moved := &Change{Name: l.name, From: w.limit, To: next.limit, At: m.at}
	l.changes.push(*moved)
	l.window.Store(next)
	return moved
}

// decide returns the next limit.
func (l *Limiter) decide(c *Config, w *window, now int64) int {
	if w.target > 0 {
		to, pinned := c.aim(w)
		l.pinned.Store(pinned)
		return to
	}
	return l.climber.climb(l.measure(w, now), w.limit)
}

// after returns the first window of a new limit. For Climb, calls of the old limit must
// end before it begins: its throughput would be theirs. AIMD has no throughput.
func (l *Limiter) after(c *Config, w *window, to int, m moment) *window {
	if c.Target > 0 {
		return c.newWindow(w.era+1, to, m.now)
	}
	next := c.newWindow(w.era+1, to, warming)
	// Calls whose values are kept have been counted.
	if next.old = int64(m.inUse) - l.kept.Load(); next.old <= 0 {
		next.old = 0
		next.begun.Store(withFirst)
	}
	return next
}
