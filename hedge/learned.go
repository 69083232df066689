package hedge

import (
	"math"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/histogram"
)

// remembered is how many latencies a generation has; a delay is learned from one to two of
// them.
const remembered = 1000

// learned is the delay that a hedge has learned from the latencies of first attempts.
//
// Successes count with their latency. A first attempt that lost counts with the time after
// which it was cancelled, which is beyond the delay: so the share of calls that take longer
// than the delay stays right. Left out, it would make the slow calls vanish, the delay
// shrink, more calls be hedged, and so on. Failures tell nothing of how long a success takes.
type learned struct {
	latencies *histogram.Recent
	quantile  float64
	least     time.Duration
	most      time.Duration
	now       atomic.Int64 // the delay; 0 until it is known
	due       atomic.Int64 // how many latencies make it be computed anew
}

func newLearned(cfg Config) *learned {
	l := &learned{latencies: histogram.NewRecent(remembered), quantile: cfg.Quantile, least: cfg.MinDelay, most: cfg.MaxDelay}
	if l.most == 0 {
		l.most = math.MaxInt64
	}
	l.due.Store(int64(cfg.MinCalls))
	return l
}

// delay returns the delay, or 0 while it is not known.
func (l *learned) delay() time.Duration { return time.Duration(l.now.Load()) }

// add counts a latency. Whenever a sixteenth of them is new, the delay is computed anew by
// the goroutine that replaces due; by compare-and-swap, or several would compute it. One that
// is held up may store an older delay over a newer one, until the next is due.
func (l *learned) add(d time.Duration) {
	n := l.latencies.Add(d)
	due := l.due.Load()
	if n < due || !l.due.CompareAndSwap(due, n+max(1, l.latencies.Len()/16)) {
		return
	}
	if d, ok := l.latencies.Quantile(l.quantile); ok {
		l.now.Store(int64(min(max(d, l.least, 1), l.most)))
	}
}
