package hedge

import (
	"math"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/histogram"
)

// remembered is the number of latencies per generation. A delay is learned from one to
// two generations.
const remembered = 1000

// learned computes a delay from the latencies of first attempts.
//
// A success counts with its latency. A first attempt that lost counts with the time until
// it was cancelled, which is longer than the delay, so the share of calls beyond the
// delay stays right. Without such attempts the slow calls would be missing, the delay
// would shrink, more calls would be hedged, and so on. Failures do not count, because
// they do not show how long a success takes.
type learned struct {
	latencies *histogram.Recent
	quantile  float64
	least     time.Duration
	most      time.Duration
	now       atomic.Int64 // the delay; 0 until it is known
	due       atomic.Int64 // number of latencies at which it is computed again
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

// add records a latency. When a sixteenth of the latencies are new, the goroutine that
// replaces due computes the delay again; without the compare-and-swap several goroutines
// would. One that is descheduled in between may overwrite a newer delay with an older
// one, until the next computation.
func (l *learned) add(d time.Duration) {
	n := l.latencies.Add(d)
	due := l.due.Load()
	if n < due || !l.due.CompareAndSwap(due, n+max(1, l.latencies.Len()/16)) {
		return
	}
	if d, ok := l.latencies.Quantile(l.quantile); ok {
		l.now.Store(l.bounded(d))
	}
}

func (l *learned) bounded(d time.Duration) int64 { return int64(min(max(d, l.least, 1), l.most)) }
