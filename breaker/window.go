package breaker

import (
	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/counter"
)

const (
	// buckets is how many buckets a time window has.
	buckets = 10
	// far is how many buckets ahead of the clock a bucket is too far to count.
	far = 2 * buckets
)

// timeWindow counts what happened in the last buckets*width nanoseconds.
//
// A bucket is never reused: when its time is over, another takes its place in
// the ring by compare-and-swap. So an addition that was held up while the ring
// turned goes to the bucket of its own time, where nobody counts any more, and
// rotation can neither lose nor double a count. The price is one allocation a
// width.
type timeWindow struct {
	clock  *timing
	width  int64
	newest atomic.Pointer[bucket] // spares most calls the division and the ring
	ring   [buckets]atomic.Pointer[bucket]
}

// bucket is what happened in the time from begins on, for a width. A call is
// counted by one addition: were it one for its end and one for its slowness, a
// call between them would be half there, and who judges meanwhile would see the
// share of slow calls fall.
type bucket struct {
	epoch, begins int64 // epoch is begins in widths
	slowFailures  atomic.Int64
	mixed         atomic.Uint64 // failures that were not slow, times oneMixed, and slow successes
	ignored       atomic.Int64
	successes     counter.Counter // that were not slow; last, as what is written most
}

// oneMixed leaves both halves of a word four billion calls in a bucket.
const oneMixed = 1 << 32

// at returns the bucket of the time now.
func (w *timeWindow) at(now int64) *bucket {
	// As unsigned numbers, so that a time before the bucket is a huge one after it.
	if b := w.newest.Load(); b != nil && uint64(now-b.begins) < uint64(w.width) {
		return b
	}
	return w.turn(w.epoch(now))
}

// turn returns the bucket of an epoch and makes it where it is missing. If the
// ring has turned past it, because the caller was held up or the clock was set
// back, it is the bucket that has taken its place: a count is never dropped.
func (w *timeWindow) turn(epoch int64) *bucket {
	place := &w.ring[(epoch%buckets+buckets)%buckets]
	for {
		b := place.Load()
		if b != nil && b.epoch >= epoch && !w.forsaken(b, epoch) {
			return b
		}
		// Two callers may both find the old bucket: one swap wins, and the other
		// looks again and counts in the winner's.
		fresh := &bucket{epoch: epoch, begins: epoch * w.width}
		if place.CompareAndSwap(b, fresh) {
			w.announce(fresh)
			return fresh
		}
	}
}

// forsaken reports whether b is of a time that the clock has been set back from,
// by more than two windows: it would be counted, and keep its place, until the
// clock has caught up. The clock is read anew, since the present is as far ahead
// of a caller who was held up between his look at the clock and this, and he would
// throw it away. Read after b was found, a clock that was not set back is at least
// where it was when b was made.
func (w *timeWindow) forsaken(b *bucket, epoch int64) bool {
	return b.epoch-epoch > far && b.epoch-w.epoch(w.clock.now()) > far
}

// announce makes b the newest unless a newer one is. It may come late and leave
// an old one there, which costs the next calls the way over the ring.
func (w *timeWindow) announce(b *bucket) {
	for {
		newest := w.newest.Load()
		newer := newest != nil && newest.epoch >= b.epoch && newest.epoch-b.epoch <= far
		if newer || w.newest.CompareAndSwap(newest, b) {
			return
		}
	}
}

// epoch returns the time now in widths, rounded down: a clock may be set back to
// before the circuit was made.
func (w *timeWindow) epoch(now int64) int64 {
	if now < 0 {
		return (now+1)/w.width - 1
	}
	return now / w.width
}

// record counts a call.
func (w *timeWindow) record(now int64, ok, slow bool) {
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
// What speaks against the dependency is read first, of every bucket, and the
// successes after it. The other way round, calls that end in between would be
// counted with their failures and without their successes, and a circuit could
// open at a rate that there never was. A slow success speaks for it by one rate
// and against it by the other, as a failure that was not slow does: so these two
// are read at once.
func (w *timeWindow) counts(now int64) Counts {
	var sum Counts
	epoch := w.epoch(now)
	var live [buckets]*bucket
	for i := range w.ring {
		b := w.ring[i].Load()
		if b == nil || b.epoch <= epoch-buckets || w.forsaken(b, epoch) {
			continue
		}
		live[i] = b
		slow := b.slowFailures.Load()
		sum.Slow += slow
		sum.Failures += slow
	}
	for _, b := range live {
		if b != nil {
			mixed := b.mixed.Load()
			sum.Failures += int64(mixed / oneMixed)
			sum.Slow += int64(mixed % oneMixed)
			sum.Successes += int64(mixed % oneMixed)
			sum.Ignored += b.ignored.Load()
		}
	}
	for _, b := range live {
		if b != nil {
			sum.Successes += b.successes.Load()
		}
	}
	return sum
}
