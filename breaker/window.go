package breaker

import (
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/counter"
	"github.com/ductile-go/ductile/internal/window"
)

// timeWindow counts the calls of the last Config.Window.
type timeWindow struct {
	ring window.Ring[bucket]
}

// bucket counts the calls of a tenth of the window. A call is counted by one addition.
// With one for its outcome and one for its slowness, a goroutine that judges in between
// would see half a call, and a share of slow calls that there never was.
type bucket struct {
	slowFailures atomic.Int64
	mixed        atomic.Uint64 // failures that were not slow, times oneMixed, and slow successes
	ignored      atomic.Int64
	successes    counter.Counter // that were not slow; last, since it is written most
}

// oneMixed leaves room for four billion calls in either half of the word.
const oneMixed = 1 << 32

func newTimeWindow(length time.Duration, clock window.Clock) *timeWindow {
	w := &timeWindow{}
	w.ring.Init(length/window.Buckets, clock)
	return w
}

// at returns the bucket of the time now.
func (w *timeWindow) at(now int64) *bucket { return &w.ring.At(now).Counts }

// count counts a call that ended now.
func (w *timeWindow) count(now int64, ok, slow bool) {
	b := w.at(now)
	switch {
	case ok && !slow:
		b.successes.Inc()
	case ok:
		b.mixed.Add(1)
	case slow:
		b.slowFailures.Add(1)
	default:
		b.mixed.Add(oneMixed)
	}
}

// counts returns the totals of the window that ends now.
//
// It reads what counts against the dependency first, in every bucket, and the successes
// after it. In the other order, calls that end in between would be in the totals with
// their failures and without their successes, and the circuit could open at a rate that
// there never was. A slow success lowers the failure rate and raises the slow rate, and a
// failure that was not slow does the opposite. So these two are read in one load.
func (w *timeWindow) counts(now int64) Counts {
	var sum Counts
	var room [window.Buckets]*window.Bucket[bucket]
	live := w.ring.AppendLive(room[:0], w.ring.Epoch(now))
	for _, b := range live {
		slow := b.Counts.slowFailures.Load()
		sum.Slow += slow
		sum.Failures += slow
	}
	for _, b := range live {
		mixed := b.Counts.mixed.Load()
		sum.Failures += int64(mixed / oneMixed)
		sum.Slow += int64(mixed % oneMixed)
		sum.Successes += int64(mixed % oneMixed)
		sum.Ignored += b.Counts.ignored.Load()
	}
	for _, b := range live {
		sum.Successes += b.Counts.successes.Load()
	}
	return sum
}
