package adaptive

import (
	"math"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/gate"
	"github.com/ductile-go/ductile/internal/mono"
)

// window collects what calls under one limit measure. It is replaced as a whole when it is
// closed. A goroutine that loaded it before and was descheduled adds to a window that is no
// longer used: one sample of a hundred is lost.
type window struct {
	era     int64       // number of changes of the limit so far; changes with the limit only
	limit   int         // in force
	needed  int64       // samples, at least
	length  int64       // nanoseconds, at least
	target  int64       // nanoseconds; 0 for Climb
	learned bool        // a window has moved the limit, not only Reconfigure
	old     int64       // calls in flight when the window was made, begun under an older limit
	reached atomic.Bool // the limit held calls back
	begun   atomic.Int64
	closed  atomic.Bool
	gone    atomic.Int64 // how many of old have ended
	early   atomic.Int64 // samples before the window began
	_       [64]byte     // what follows is written by every call, what precedes is read by every call

	calls   atomic.Int64 // samples: successes, late calls and, for AIMD, calls refused inside
	sum     atomic.Int64 // of their latencies, for Climb
	slow    atomic.Int64 // samples over Target, for AIMD
	late    atomic.Int64 // samples that failed by a deadline
	refused atomic.Int64 // samples that a policy inside refused
	other   atomic.Int64 // nanoseconds in places of calls that are no samples
}

// newWindow returns a window under a limit. A window of Climb is at least one round of
// calls: in less, a throughput depends on which of the calls in flight happen to end.
func (c *Config) newWindow(era int64, limit int, begun int64) *window {
	w := &window{era: era, limit: limit, needed: int64(c.MinCalls), length: int64(c.Window), target: int64(c.Target)}
	if w.target == 0 {
		w.needed = max(w.needed, int64(limit))
	}
	w.begun.Store(begun)
	return w
}

// The values of window.begun that are no time.
const (
	// warming means that calls begun under an older limit still shape what is measured. The
	// window begins when nine tenths of them have ended; some may never end.
	warming = math.MinInt64
	// withFirst means that the window begins with its first sample.
	withFirst = warming + 1
)

// enough is how many calls of an older limit must end before the window begins.
func (w *window) enough() int64 { return max(1, w.old*9/10) }

// crowd records that the limit held a call back. It loads first: stores by every call
// would make all cores fight over the line.
func (w *window) crowd() {
	if !w.reached.Load() {
		w.reached.Store(true)
	}
}

// begin begins a warm window. reached is reset: it may be from the change of the limit. A
// concurrent crowd may be lost, but a limit that holds calls back does so again.
func (w *window) begin(now int64) {
	if w.begun.CompareAndSwap(warming, now) {
		w.reached.Store(false)
	}
}

// ending is what the end of a call says.
type ending uint8

const (
	nothing ending = iota // no sample
	success
	late    // failed by a deadline: its latency is at least what it took
	refused // refused by a policy inside, which is a sample for AIMD
)

// flight is an admitted call.
type flight struct {
	cell  *gate.Cell
	era   int64
	start int64
}

// begin starts a call in a place. crowded reports that all places were in use, or that the
// call waited.
func (l *Limiter) begin(c *gate.Cell, crowded bool) flight {
	w := l.window.Load()
	if crowded {
		w.crowd()
	}
	f := flight{cell: c, era: w.era}
	f.start = l.now(&f)
	return f
}

// now reads the clock. Real time is what package mono says, so that it is read in place.
func (l *Limiter) now(f *flight) int64 {
	if l.clock == nil {
		return mono.Now()
	}
	return l.read(f)
}

// read reads the user's clock. If it panics, the place goes back.
func (l *Limiter) read(f *flight) int64 {
	read := false
	defer func() {
		if !read {
			l.gate.Leave(f.cell)
		}
	}()
	now := l.time.Now()
	read = true
	return now
}

// end counts the end of a call, gives its place back, and moves the limit if that closes
// the window. It returns the change, or nil.
func (l *Limiter) end(f *flight, e ending) *Change {
	now := l.now(f)
	ripe := l.count(f, e, now)
	l.gate.Leave(f.cell)
	if ripe == nil {
		return nil
	}
	return l.close(ripe, now) // after Leave: a listener that blocks must not hold a place
}

// count adds a call to the current window. It returns the window if it is complete.
func (l *Limiter) count(f *flight, e ending, now int64) *window {
	w := l.window.Load()
	if f.era != w.era { // begun under an older limit: no sample
		if w.gone.Add(1) >= w.enough() && w.begun.Load() == warming {
			w.begin(now)
		}
		return nil
	}
	begun := w.begun.Load()
	switch {
	case begun == warming:
		if e != nothing && w.early.Add(1) >= w.needed { // the old calls may never end
			w.begin(now)
		}
		return nil
	case begun == withFirst:
		w.begun.CompareAndSwap(withFirst, f.start)
		begun = w.begun.Load()
	case begun > now: // the clock was set back, or is that of another bubble
		w.begun.CompareAndSwap(begun, now)
		return nil
	}
	took := max(0, now-f.start)
	if e == nothing {
		w.other.Add(took)
		return nil
	}
	if w.add(e, took) >= w.needed && now-begun >= w.length {
		return w
	}
	return nil
}

// add adds a sample, and returns the number of samples. It counts the sample last: a
// goroutine that closes the window sees the latencies of all samples that it counts.
func (w *window) add(e ending, took int64) int64 {
	switch {
	case e == refused:
		w.refused.Add(1)
	case w.target == 0:
		w.sum.Add(took)
	case took > w.target:
		w.slow.Add(1)
	}
	if e == late {
		w.late.Add(1)
	}
	return w.calls.Add(1)
}
