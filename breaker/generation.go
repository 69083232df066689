package breaker

import (
	"context"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/counter"
	"github.com/ductile-go/ductile/policy"
)

// generation is one stay in one state, with counters of its own. A permit
// remembers the generation that admitted it and reports to that alone, so a
// late result cannot move or feed a state it was not admitted to: its counters
// are no longer looked at, and its compare-and-swap finds the circuit gone on.
//
// What every call reads comes first, and what calls write last: a core that
// writes a line takes it from all that read it.
type generation struct {
	circuit *Circuit
	state   State
	inRow   bool // closed, and row is what counts
	plain   bool // closed, and a success says all: no start to remember, nobody to ask

	row       atomic.Int64 // failures since the last success, in a row
	times     *timeWindow  // closed, with Window
	calls     *callWindow  // closed, with WindowCalls
	probation *probation   // half-open
	rejection *OpenError   // what refused calls get, unless closed

	// Of an open state.
	until     int64       // when it may be left, on the circuit's clock
	near      atomic.Bool // until is near enough for calls to read the clock; see arm
	timer     *time.Timer // sets near
	reopening int         // how many times the circuit re-opened since it was closed

	entered int64       // on the circuit's clock
	from    State       // the one before
	told    *Transition // what OnStateChange is told of the entry, where there is one
	next    atomic.Pointer[generation]

	ignored  atomic.Int64
	rejected counter.Counter
}

// counts returns what the generation judges by as of now.
func (g *generation) counts(now int64) Counts {
	var counts Counts
	switch {
	case g.times != nil:
		counts = g.times.counts(now)
	case g.calls != nil:
		counts = g.calls.counts()
	case g.probation != nil:
		counts.Successes, counts.Failures = g.probation.successes.Load(), g.probation.failures.Load()
	case g.inRow:
		counts.Failures = g.row.Load()
	}
	counts.Ignored += g.ignored.Load()
	counts.Rejected = g.rejected.Load()
	return counts
}

// Reading the clock is most of what a rejection would cost. So an open state on
// real time arms a timer for a while before its end, and until that has fired
// calls are refused unread: a timer is never early. It may be late, on a machine
// that has no processor to spare for it, and never fires where the bubble of
// testing/synctest that it was made in is gone. The lead makes up for the one,
// and a look at the clock every so many rejections for the other.
const (
	shortest   = time.Second // to arm a timer for less is not worth it
	leadShare  = 16          // the lead is this part of the open period
	unreadMost = 256         // rejections between two looks at the clock
)

// arm makes an open state of period ready to refuse calls.
func (g *generation) arm(period time.Duration) {
	if g.circuit.rare.Clock != nil || period < shortest {
		g.near.Store(true)
		return
	}
	g.timer = time.AfterFunc(period-period/leadShare, func() { g.near.Store(true) })
}

func (g *generation) disarm() {
	if g.timer != nil {
		g.timer.Stop()
	}
}

// due reports whether an open state may be left, and the time where it has looked
// at the clock. A call that it may not be left for is counted as refused.
func (g *generation) due() (now int64, due bool) {
	if g.near.Load() {
		if now = g.circuit.now(); g.elapsed(now) {
			return now, true
		}
	}
	if g.rejected.Inc()%unreadMost == 0 {
		now = g.circuit.now()
		return now, g.elapsed(now)
	}
	return now, false
}

// elapsed reports whether an open state may be left. A clock that is now before
// the opening has been set back, and must not keep the circuit shut.
func (g *generation) elapsed(now int64) bool { return now >= g.until || now < g.entered }

// remaining returns how long an open state lasts yet.
func (g *generation) remaining(now int64) time.Duration {
	if g.state != Open || g.elapsed(now) {
		return 0
	}
	return time.Duration(g.until - now)
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
		g.probation.release(round)
		return to
	}
	return nil
}

func (g *generation) recordProbe(o policy.Outcome, cause error) *generation {
	switch o {
	case policy.Success:
		if g.probation.successes.Add(1) >= int64(g.circuit.enough) {
			return g.circuit.move(g, step{to: Closed, at: g.circuit.now()})
		}
	case policy.Ignored:
		g.ignored.Add(1)
	default:
		g.probation.failures.Add(1)
		return g.circuit.move(g, step{to: Open, at: g.circuit.now(), cause: cause, reopening: g.reopening + 1})
	}
	return nil
}

func (g *generation) recordClosed(o policy.Outcome, started int64, cause error) *generation {
	switch {
	case o == policy.Ignored:
		g.ignore()
	case g.inRow && o == policy.Success:
		g.endRow()
	case g.inRow:
		if g.row.Add(1) >= int64(g.circuit.threshold) {
			return g.circuit.move(g, step{to: Open, at: g.circuit.now(), cause: cause})
		}
	default:
		if g.count(o == policy.Success, started) {
			return g.circuit.move(g, step{to: Open, at: g.circuit.now(), cause: cause})
		}
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

// ignore counts a neutral outcome.
func (g *generation) ignore() {
	if g.times != nil {
		g.times.at(g.circuit.now()).ignored.Add(1)
		return
	}
	g.ignored.Add(1)
}

// settle records how a call of a plain generation ended.
func (g *generation) settle(ctx context.Context, err error) {
	switch {
	case err != nil:
		g.record(byDefault(ctx, err), 0, 0, err)
	case g.inRow: // callers see to this one themselves, to save the call
		g.endRow()
	case g.times != nil:
		g.times.at(g.circuit.now()).successes.Inc()
	default:
		g.calls.record(slotSuccess)
	}
}

// settleLost is settle, deferred, for a call that panicked or called
// runtime.Goexit.
func (g *generation) settleLost(returned *bool) {
	if !*returned {
		g.record(policy.Failure, 0, 0, policy.ErrNoReturn)
	}
}

// count adds a call to the window and reports whether the window opens the
// circuit. The totals are worth reading only where a trip may follow, and include
// the call itself: of all the failures that run into each other, the one that
// adds last sees every other.
func (g *generation) count(ok bool, started int64) (trips bool) {
	var now int64
	slow := false
	if limit := g.circuit.rare.SlowCall; g.times != nil || limit > 0 {
		now = g.circuit.now()
		slow = limit > 0 && now-started >= int64(limit)
	}
	bad := !ok || slow
	if g.calls != nil {
		totals := g.calls.record(slotOf(ok, slow))
		return bad && g.circuit.trips(totals)
	}
	g.times.record(now, ok, slow)
	return bad && g.circuit.trips(g.times.counts(now))
}
