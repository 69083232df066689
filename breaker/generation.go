package breaker

import (
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// generation is one stay in one state, with counters of its own. A permit
// remembers the generation that admitted it and reports to that alone, so a
// late result cannot move or feed a state it was not admitted to: its counters
// are no longer looked at, and its compare-and-swap finds the circuit gone on.
type generation struct {
	circuit *Circuit
	state   State
	entered int64 // on the circuit's clock
	at      time.Time

	// Of an open state.
	until     int64 // when it may be left
	reopening int   // how many times the circuit re-opened since it was closed
	rejection *OpenError

	// Of a closed state: one of the three.
	inRow bool         // row is what counts, and admission reads no clock
	row   atomic.Int64 // failures since the last success
	times *timeWindow
	calls *callWindow

	// Of a half-open state. probes holds the round in its upper half and the
	// permits of that round that are out in its lower half; see admit.
	probes    atomic.Uint64
	granted   atomic.Int64 // when the last permit was
	successes atomic.Int64
	failures  atomic.Int64

	ignored  atomic.Int64
	rejected atomic.Int64

	// What OnStateChange is told of the entry, and who comes next; see tell.
	told *Transition
	next atomic.Pointer[generation]
}

// counts returns what the generation judges by as of now.
func (g *generation) counts(now int64) Counts {
	var counts Counts
	switch {
	case g.times != nil:
		counts = g.times.counts(now)
	case g.calls != nil:
		counts = g.calls.counts()
	case g.state == Closed:
		counts.Failures = g.row.Load()
	default:
		counts.Successes, counts.Failures = g.successes.Load(), g.failures.Load()
	}
	counts.Ignored += g.ignored.Load()
	counts.Rejected = g.rejected.Load()
	return counts
}

// refuse counts a refused call and returns the error that all of them share.
func (g *generation) refuse() error {
	g.rejected.Add(1)
	return g.rejection
}

// elapsed reports whether an open state may be left. A clock that is now before
// the opening has been set back, and must not keep the circuit shut.
func (g *generation) elapsed(now int64) bool { return now >= g.until || now < g.entered }

func (g *generation) remaining() time.Duration {
	now := g.circuit.now()
	if g.state != Open || g.elapsed(now) {
		return 0
	}
	return time.Duration(g.until - now)
}

// admit takes a permit of a half-open state, if there is one, and returns its
// round.
//
// When all permits have been out for the recovery timeout, the next caller
// begins a round with a fresh set: permits of an earlier round still report, but
// give nothing back. The time of a grant is raised before the word is swapped.
// The other way round, a caller between the two steps would leave the last
// permit out with the time of the one before it, and another could begin a
// round too soon.
func (g *generation) admit(now int64) (round uint32, ok bool) {
	cfg := &g.circuit.cfg
	for {
		word := g.probes.Load()
		round, out := uint32(word>>32), uint32(word)
		taken := word + 1
		if int64(out) >= int64(cfg.HalfOpenMaxCalls) {
			if now-g.granted.Load() < int64(cfg.RecoveryTimeout) {
				return 0, false
			}
			round++
			taken = uint64(round)<<32 | 1
		}
		raise(&g.granted, now)
		if g.probes.CompareAndSwap(word, taken) {
			return round, true
		}
	}
}

// release gives a permit of a half-open state back, unless its round is over.
func (g *generation) release(round uint32) {
	for {
		word := g.probes.Load()
		if uint32(word>>32) != round || uint32(word) == 0 {
			return
		}
		if g.probes.CompareAndSwap(word, word-1) {
			return
		}
	}
}

// raise sets v to at least n.
func raise(v *atomic.Int64, n int64) {
	for {
		old := v.Load()
		if old >= n || v.CompareAndSwap(old, n) {
			return
		}
	}
}

// record counts one outcome, and returns the generation that it moved the
// circuit to, or nil.
func (g *generation) record(o policy.Outcome, started int64, round uint32, cause error) *generation {
	switch g.state {
	case Closed:
		return g.recordClosed(o, started, cause)
	case HalfOpen:
		// The verdict comes before the permit goes back: the other way round, the
		// next probe could be let in by a circuit that has its verdict.
		to := g.recordProbe(o, cause)
		g.release(round)
		return to
	}
	return nil
}

func (g *generation) recordProbe(o policy.Outcome, cause error) *generation {
	switch o {
	case policy.Success:
		if g.successes.Add(1) >= int64(g.circuit.cfg.SuccessThreshold) {
			return g.circuit.move(g, step{to: Closed})
		}
	case policy.Ignored:
		g.ignored.Add(1)
	default:
		g.failures.Add(1)
		return g.circuit.move(g, step{to: Open, cause: cause, reopening: g.reopening + 1})
	}
	return nil
}

func (g *generation) recordClosed(o policy.Outcome, started int64, cause error) *generation {
	cfg := &g.circuit.cfg
	if g.inRow {
		switch o {
		case policy.Success:
			g.endRow()
		case policy.Ignored:
			g.ignored.Add(1)
		default:
			if g.row.Add(1) >= int64(cfg.FailureThreshold) {
				return g.circuit.move(g, step{to: Open, cause: cause})
			}
		}
		return nil
	}
	if o == policy.Ignored {
		g.ignore()
		return nil
	}
	counts, slow := g.count(o, started)
	if (o != policy.Success || slow) && cfg.trips(counts) {
		return g.circuit.move(g, step{to: Open, cause: cause})
	}
	return nil
}

// endRow is a success in a row's closed state. It loads before it stores: an
// unconditional store would make all cores fight over this line. A failure that
// slips in between counts as the earlier.
func (g *generation) endRow() {
	if g.row.Load() != 0 {
		g.row.Store(0)
	}
}

// ignore counts a neutral outcome in a window.
func (g *generation) ignore() {
	if g.times == nil {
		g.ignored.Add(1)
	} else {
		g.times.at(g.circuit.now()).ignored.Add(1)
	}
}

// count adds a call to the window. The totals are worth reading only where a
// trip may follow, and include the call itself: of all the failures that run
// into each other, the one that adds last sees every other.
func (g *generation) count(o policy.Outcome, started int64) (counts Counts, slow bool) {
	var now int64
	if g.times != nil || g.circuit.cfg.SlowCall > 0 {
		now = g.circuit.now()
		slow = g.circuit.cfg.SlowCall > 0 && now-started >= int64(g.circuit.cfg.SlowCall)
	}
	if g.calls != nil {
		slot := uint32(slotFailure)
		if o == policy.Success {
			slot = slotSuccess
		}
		if slow {
			slot |= slotSlow
		}
		return g.calls.record(slot), slow
	}
	b := g.times.at(now)
	if slow {
		b.slow.Add(1)
	}
	if o == policy.Success {
		b.successes.Add(1)
	} else {
		b.failures.Add(1)
	}
	if o == policy.Success && !slow {
		return Counts{}, false
	}
	return g.times.counts(now), slow
}

// trips reports whether the totals of a window open the circuit.
func (c *Config) trips(counts Counts) bool {
	if c.FailureThreshold > 0 && counts.Failures >= int64(c.FailureThreshold) {
		return true
	}
	total := counts.Successes + counts.Failures
	if total == 0 || total < int64(c.MinCalls) {
		return false
	}
	// Divided, not multiplied: 11/20 is the float that 0.55 is, 0.55*20 is more
	// than 11.
	share := func(n int64) float64 { return float64(n) / float64(total) }
	return c.FailureRate > 0 && share(counts.Failures) >= c.FailureRate ||
		c.SlowRate > 0 && share(counts.Slow) >= c.SlowRate
}
