package breaker

import (
	"time"
	"unsafe"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/counter"
)

// generation is one stay in one state under one set of rules. A permit remembers the
// generation that admitted it and reports to that stay alone, so a late result cannot
// move or feed a state it was not admitted to: its counters are no longer looked at,
// and its move finds the circuit gone on.
//
// Reconfigure makes a further generation of the same stay, with other rules. All
// generations of a stay share what root has, which is the first of them, and the
// probation. Those with one shape of window, or in a row, share its counters too. A
// change of shape begins new ones: nothing is cleared, so a call that ends meanwhile
// counts where it was admitted, and neither shows in the new counters nor is lost.
//
// What every call reads comes first, and what calls write last: a core that
// writes a line takes it from all that read it.
type generation struct {
	circuit *Circuit
	rules   *rules
	root    *generation // the first of the stay; itself if it is that
	// counters is the generation whose row and ignored this one counts in: the first of
	// the stay since the shape of the window changed last. It also tells windows apart.
	counters *generation
	state    State
	how      how    // it was entered
	ownRow   bool   // closed, counting in a row that is its own
	plain    bool   // closed, and a success says all: no start to remember, no classifier
	seq      uint32 // numbers the generations of a circuit; goes round

	times *timeWindow // closed, with Window
	calls *callWindow // closed, with WindowCalls
	shut  *shut       // unless closed

	entered int64 // on the circuit's clock
	// next is the generation after this one, if anybody listens. The move stores it
	// once the circuit has moved; the one goroutine that tells listeners takes it out.
	next atomic.Pointer[entry]

	// Of counters alone, written by calls.

	// row is how many failures there were since the last success, in a row; half-open,
	// how many Ignored probes since the last that was not. Raised by Add, so that of
	// calls that end at once each sees a count of its own.
	row     atomic.Int64
	ignored atomic.Int64

	// Of root alone, written by calls.

	// last is replaced as a whole: of failures at once, any may stay.
	last     atomic.Pointer[failure]
	rejected counter.Counter
}

// failure is what a failed call ended with.
type failure struct{ err error }

// error returns the error, or nil if no call has failed with one.
func (f *failure) error() error {
	if f == nil {
		return nil
	}
	return f.err
}

// shut is what a state that refuses calls has.
type shut struct {
	rejection OpenError  // what refused calls get
	opening   *opening   // open
	probation *probation // half-open
}

// opening is what an open state has.
type opening struct {
	until  int64        // when it may be left, on the circuit's clock
	near   *atomic.Bool // whether until is near enough for calls to read the clock; nil if it always is; see arm
	counts [4]int64     // of the state that was left, if a call opened it; as totals returns them
}

func totalsOf(c Counts) [4]int64 { return [4]int64{c.Successes, c.Failures, c.Slow, c.Ignored} }

func (o *opening) totals() Counts {
	return Counts{Successes: o.counts[0], Failures: o.counts[1], Slow: o.counts[2], Ignored: o.counts[3]}
}

// inRow reports whether a closed state counts failures in a row.
func (g *generation) inRow() bool { return g.times == nil && g.calls == nil }

// count makes g, a closed state, ready to count anew.
func (g *generation) count() {
	g.counters = g
	r := g.rules.rare
	g.plain = r.SlowCall == 0 && r.Classify == nil
	switch {
	case r.Window > 0:
		g.times = newTimeWindow(r.Window, &g.circuit.time)
	case r.WindowCalls > 0:
		g.calls = newCallWindow(r.WindowCalls)
	default:
		g.ownRow = true
	}
}

// reopening returns how many times the circuit re-opened since it was closed.
func (g *generation) reopening() int {
	if g.shut == nil {
		return 0
	}
	return int(g.shut.rejection.reopening)
}

// counts returns what the generation judges by as of now.
func (g *generation) counts(now int64) Counts {
	var counts Counts
	switch {
	case g.times != nil:
		counts = g.times.counts(now)
	case g.calls != nil:
		counts = g.calls.counts()
	case g.state == HalfOpen:
		counts = g.shut.probation.counts()
	case g.state == Closed:
		counts.Failures = g.counters.row.Load()
	}
	counts.Ignored += g.counters.ignored.Load()
	counts.Rejected = g.root.rejected.Load()
	return counts
}

// shown returns what a Snapshot shows: counts, and of an open state what opened it.
func (g *generation) shown(now int64) Counts {
	counts := g.counts(now)
	if g.state == Open {
		rejected := counts.Rejected
		counts = g.shut.opening.totals()
		counts.Rejected = rejected
	}
	return counts
}

// elapsed reports whether an open state may be left. A clock that is now before
// the opening has been set back, and must not keep the circuit shut.
func (g *generation) elapsed(now int64) bool { return now >= g.shut.opening.until || now < g.entered }

// remaining returns how long an open state lasts yet.
func (g *generation) remaining(now int64) time.Duration {
	if g.state != Open || g.elapsed(now) {
		return 0
	}
	return time.Duration(g.shut.opening.until - now)
}

// noteFailure remembers the error of the last failure. Failures often share one error
// value; then nothing is written. Of failures at the same time, any may be the last.
func (g *generation) noteFailure(err error) {
	if err == nil {
		return
	}
	if last := g.root.last.Load(); last != nil && identical(last.err, err) {
		return
	}
	g.root.last.Store(&failure{err})
}

// identical reports whether a and b are the same value in memory. It is not a == b,
// which panics for errors that cannot be compared.
func identical(a, b error) bool {
	return *(*[2]uintptr)(unsafe.Pointer(&a)) == *(*[2]uintptr)(unsafe.Pointer(&b))
}
