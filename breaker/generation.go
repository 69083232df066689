package breaker

import (
	"time"
	"unsafe"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/counter"
)

// generation is one stay in one state under one set of rules. A permit remembers the
// generation that admitted it and reports only to that stay. So a late result neither
// moves nor feeds a state that did not admit it: that stay's counters are no longer read,
// and its move finds that the circuit has gone on.
//
// Reconfigure makes a further generation of the same stay, with other rules. All
// generations of a stay share the fields of root, which is the first of them, and the
// probation. Generations with the same shape of window also share its counters. A change
// of shape begins new counters and clears none. So a call that ends meanwhile counts where
// it was admitted: it neither shows in the new counters nor is lost.
//
// Fields that every call reads come first, and fields that calls write come last, since a
// core that writes a cache line takes it from all that read it.
type generation struct {
	circuit *Circuit
	rules   *rules
	root    *generation // the first of the stay; itself if it is that
	// counters is the generation whose row and ignored this one counts in: the first of
	// the stay since the shape of the window last changed. Two generations with the same
	// counters also share their window.
	counters *generation
	state    State
	entry    entry  // why the state was entered, and from which
	ownRow   bool   // closed, and counting failures in its own row
	plain    bool   // closed, and the error says all: there is no SlowCall and no Classify
	seq      uint32 // numbers the generations of a circuit; wraps

	times *timeWindow // closed, with Window
	calls *callWindow // closed, with WindowCalls
	shut  *shut       // unless closed

	entered int64 // on the circuit's time
	// next is the move after this one, if the circuit has listeners. The goroutine that
	// moved the circuit stores it after the move. The one goroutine that calls listeners
	// takes it out.
	next atomic.Pointer[announced]

	// Fields of counters, written by calls.

	// row is how many failures in a row there were. In half-open it is how many Ignored
	// probes in a row. Add returns a different count to each of several calls that end
	// concurrently.
	row     atomic.Int64
	ignored atomic.Int64

	// Fields of root, written by calls.

	// last is the error of the last failure. If several fail concurrently, any of them may
	// be the last.
	last     atomic.Pointer[failure]
	rejected counter.Counter
}

// failure is the error of a failed call.
type failure struct{ err error }

// error returns the error, or nil if f is nil.
func (f *failure) error() error {
	if f == nil {
		return nil
	}
	return f.err
}

// shut holds what a state that refuses calls needs.
type shut struct {
	rejection OpenError  // the error of refused calls
	opening   *opening   // in open
	probation *probation // in half-open
}

// opening holds what an open state needs.
type opening struct {
	until int64 // when it may be left, on the circuit's time
	// near is set when calls must read the clock, since until is near. If it is nil, they
	// always must; see arm.
	near   *atomic.Bool
	opened [4]int64 // the counts of the state that was left, if a call opened the circuit
}

func (o *opening) setCounts(c Counts) {
	o.opened = [4]int64{c.Successes, c.Failures, c.Slow, c.Ignored}
}

func (o *opening) counts() Counts {
	return Counts{Successes: o.opened[0], Failures: o.opened[1], Slow: o.opened[2], Ignored: o.opened[3]}
}

// newGeneration returns a generation of a state with the parts that the state needs, as
// one object.
func newGeneration(s State) *generation {
	switch s {
	case Closed:
		return &generation{}
	case HalfOpen:
		g := &struct {
			generation
			shut      shut
			probation probation
		}{}
		g.generation.shut, g.shut.probation = &g.shut, &g.probation
		return &g.generation
	case Open:
		g := &struct {
			generation
			shut    shut
			opening opening
		}{}
		g.generation.shut, g.shut.opening = &g.shut, &g.opening
		return &g.generation
	}
	g := &struct {
		generation
		shut shut
	}{}
	g.generation.shut = &g.shut
	return &g.generation
}

// closeAnew makes g a closed state with counters of its own.
func (g *generation) closeAnew() {
	g.counters = g
	g.setPlain()
	switch cold := g.rules.cold; {
	case cold.Window > 0:
		g.times = newTimeWindow(cold.Window, &g.circuit.time)
	case cold.WindowCalls > 0:
		g.calls = newCallWindow(cold.WindowCalls)
	default:
		g.ownRow = true
	}
}

// closeLike makes g a closed state that counts where from does.
func (g *generation) closeLike(from *generation) {
	g.counters, g.times, g.calls = from.counters, from.times, from.calls
	g.setPlain()
}

func (g *generation) setPlain() { g.plain = g.rules.cold.SlowCall == 0 && g.rules.cold.Classify == nil }

// inRow reports whether a closed state counts failures in a row.
func (g *generation) inRow() bool { return g.times == nil && g.calls == nil }

// inForce returns the rules to judge a report to g by. It returns nil if the circuit has
// left g's stay or counts in another window. The rules may be those of a Reconfigure after
// the call was admitted.
func (g *generation) inForce() *rules {
	switch cur := g.circuit.gen.Load(); {
	case cur == g:
		return g.rules
	case cur.counters == g.counters:
		return cur.rules
	}
	return nil
}

// reopening returns how often the circuit has reopened since it was closed.
func (g *generation) reopening() int {
	if g.shut == nil {
		return 0
	}
	return int(g.shut.rejection.reopening)
}

// counts returns the current totals, by which the generation judges.
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

// shown returns the counts of a Snapshot. An open state shows those that opened it.
func (g *generation) shown(now int64) Counts {
	counts := g.counts(now)
	if g.state == Open {
		rejected := counts.Rejected
		counts = g.shut.opening.counts()
		counts.Rejected = rejected
	}
	return counts
}

// elapsed reports whether an open state may be left. A time before the opening is of a
// clock that was set back, and must not keep the circuit open.
func (g *generation) elapsed(now int64) bool { return now >= g.shut.opening.until || now < g.entered }

// remaining returns how much longer an open state lasts, and 0 for other states.
func (g *generation) remaining(now int64) time.Duration {
	if g.state != Open || g.elapsed(now) {
		return 0
	}
	return time.Duration(g.shut.opening.until - now)
}

// noteFailure stores the error of the last failure. Failures often share one error value;
// then it writes nothing.
func (g *generation) noteFailure(err error) {
	if err == nil {
		return
	}
	if last := g.root.last.Load(); last != nil && identical(last.err, err) {
		return
	}
	g.root.last.Store(&failure{err})
}

// identical reports whether a and b are the same value in memory. Unlike a == b it does
// not panic for errors that cannot be compared.
func identical(a, b error) bool {
	return *(*[2]uintptr)(unsafe.Pointer(&a)) == *(*[2]uintptr)(unsafe.Pointer(&b))
}
