// Package window counts events in a rolling window of time, for any number of goroutines at
// once and without a lock.
//
// A [Ring] divides time into buckets of one width. The user of the ring chooses what a
// bucket counts, and counts it by atomic operations. The window is the current bucket and
// those before it, [Buckets] in total, so it rolls by a bucket at a time.
//
//	type counts struct{ calls, failures atomic.Int64 }
//
//	var ring window.Ring[counts]
//	ring.Init(time.Minute/window.Buckets, clock)
//
//	ring.At(clock.Now()).Counts.calls.Add(1)
//
//	for _, b := range ring.AppendLive(nil, ring.Epoch(clock.Now())) {
//		total += b.Counts.calls.Load()
//	}
package window

import (
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Buckets is how many buckets a window has.
const Buckets = 10

// tooFar is how many buckets ahead of the clock a bucket no longer counts.
const tooFar = 2 * Buckets

// Clock returns the time in nanoseconds since some fixed moment. A clock may be set back.
type Clock interface{ Now() int64 }

// Ring is a window that rolls over time. The zero Ring is not usable: call Init first.
// After that it is safe for concurrent use. It must not be copied.
//
// A bucket is never reused. When its time is over, another takes its place in the ring by
// compare-and-swap. An addition by a goroutine that was descheduled while the ring turned
// goes to the bucket of its own time, which no reader counts any more. So rotation
// neither loses a count nor counts twice. The price is one allocation a width.
//
// If the clock is set back by up to two windows, the counts stay. If it is set back further,
// the next addition drops them and starts a new window.
type Ring[T any] struct {
	clock Clock
	width int64
	// newest is the current bucket, most of the time. It saves most calls a division and a
	// look at the ring.
	newest atomic.Pointer[Bucket[T]]
	places [Buckets]atomic.Pointer[Bucket[T]]
}

// Bucket is what happened in one width of time.
type Bucket[T any] struct {
	Epoch  int64 // the number of the bucket: the time at which it begins, in widths
	begins int64
	Counts T
}

// Init makes r ready for use, with buckets of the given width, which is at least 1 ns.
func (r *Ring[T]) Init(width time.Duration, clock Clock) { r.width, r.clock = int64(width), clock }

// Width returns the width of a bucket.
func (r *Ring[T]) Width() time.Duration { return time.Duration(r.width) }

// Epoch returns the number of the bucket of a time: the time in widths, rounded down,
// also for times before zero.
func (r *Ring[T]) Epoch(now int64) int64 {
	if now < 0 {
		return (now+1)/r.width - 1
	}
	return now / r.width
}

// At returns the bucket to count in at the time now, and makes it if it is missing. If
// the ring has turned past that time, it returns the bucket that took its place.
func (r *Ring[T]) At(now int64) *Bucket[T] {
	// As unsigned numbers, a time before the bucket is a huge time after it.
	if b := r.newest.Load(); b != nil && uint64(now-b.begins) < uint64(r.width) {
		return b
	}
	return r.turn(r.Epoch(now))
}

// turn is At without the shortcut.
func (r *Ring[T]) turn(epoch int64) *Bucket[T] {
	place := r.place(epoch)
	for {
		b := place.Load()
		if b != nil && b.Epoch >= epoch && !r.forsaken(b, epoch) {
			return b
		}
		// Two goroutines may both find the old bucket. One swap succeeds; the other
		// goroutine looks again and counts in that bucket.
		fresh := &Bucket[T]{Epoch: epoch, begins: epoch * r.width}
		if place.CompareAndSwap(b, fresh) {
			r.publish(fresh)
			if place.Load() != fresh { // taken out before it was published: At must not find it
				r.newest.CompareAndSwap(fresh, nil)
			}
			r.dropForsaken(epoch)
			return fresh
		}
	}
}

func (r *Ring[T]) place(epoch int64) *atomic.Pointer[Bucket[T]] {
	return &r.places[(epoch%Buckets+Buckets)%Buckets]
}

// forsaken reports whether b is more than two windows ahead of the clock, because the clock
// was set back. Such a bucket would be counted, and keep its place, until the clock has
// caught up. The function is small enough to be inlined, and mostly the first comparison
// decides.
func (r *Ring[T]) forsaken(b *Bucket[T], epoch int64) bool {
	return b.Epoch-epoch > tooFar && r.isTooFarAhead(b)
}

// isTooFarAhead reads the clock again: a goroutine descheduled after it computed its
// epoch would otherwise discard a current bucket. The clock is read after b was found, so
// a clock that was not set back is at least where it was when b was made.
func (r *Ring[T]) isTooFarAhead(b *Bucket[T]) bool {
	return b.Epoch-r.Epoch(r.clock.Now()) > tooFar
}

// dropForsaken takes forsaken buckets out of the ring. Left there, they would be counted
// again as soon as the clock is within two windows of them. It takes them out by
// compare-and-swap, since another goroutine may have put a current bucket in the place,
// and out of newest too, where At would find them.
func (r *Ring[T]) dropForsaken(epoch int64) {
	for i := range r.places {
		if b := r.places[i].Load(); b != nil && r.forsaken(b, epoch) {
			r.places[i].CompareAndSwap(b, nil)
			r.newest.CompareAndSwap(b, nil)
		}
	}
}

// publish makes b the newest bucket unless a newer one is. A goroutine that is slow here
// may leave an old bucket in newest, which costs later calls the look at the ring.
func (r *Ring[T]) publish(b *Bucket[T]) {
	for {
		newest := r.newest.Load()
		newer := newest != nil && newest.Epoch >= b.Epoch && newest.Epoch-b.Epoch <= tooFar
		if newer || r.newest.CompareAndSwap(newest, b) {
			return
		}
	}
}

// AppendLive appends to live the buckets of the window that ends with epoch, in no order,
// and returns the extended slice. At most [Buckets] are appended. Buckets after epoch are
// among them, since the caller may have read the clock a while ago.
func (r *Ring[T]) AppendLive(live []*Bucket[T], epoch int64) []*Bucket[T] {
	for i := range r.places {
		if b := r.places[i].Load(); b != nil && b.Epoch > epoch-Buckets && !r.forsaken(b, epoch) {
			live = append(live, b)
		}
	}
	return live
}

// Lookup returns the bucket of an epoch, or nil if the ring has none.
func (r *Ring[T]) Lookup(epoch int64) *Bucket[T] {
	if b := r.place(epoch).Load(); b != nil && b.Epoch == epoch {
		return b
	}
	return nil
}
