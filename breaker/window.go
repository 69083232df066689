package breaker

import (
	"sync/atomic"

	"github.com/ductile-go/ductile/internal/counter"
)

// buckets is how many buckets a time window has.
const buckets = 10

// timeWindow counts what happened in the last buckets*width nanoseconds.
//
// A bucket is never reused: when its time is over, another takes its place in
// the ring by compare-and-swap. So an addition that was held up while the ring
// turned goes to the bucket of its own time, where nobody counts any more, and
// rotation can neither lose nor double a count. The price is one allocation a
// width.
type timeWindow struct {
	width  int64
	newest atomic.Pointer[bucket] // spares most calls the division and the ring
	ring   [buckets]atomic.Pointer[bucket]
}

// bucket is what happened in the time from begins on, for a width.
type bucket struct {
	epoch, begins           int64 // epoch is begins in widths
	failures, slow, ignored atomic.Int64
	successes               counter.Counter // last, as what is written most
}

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
	place := &w.ring[epoch%buckets]
	for {
		b := place.Load()
		if b != nil && b.epoch >= epoch {
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

// announce makes b the newest unless a newer one is. It may come late and leave
// an old one there, which costs the next calls the way over the ring.
func (w *timeWindow) announce(b *bucket) {
	for {
		newest := w.newest.Load()
		if newest != nil && newest.epoch >= b.epoch || w.newest.CompareAndSwap(newest, b) {
			return
		}
	}
}

// epoch returns the time now in widths. What a clock calls a time before the
// circuit was made is its beginning.
func (w *timeWindow) epoch(now int64) int64 { return max(0, now) / w.width }

func (w *timeWindow) record(now int64, ok, slow bool) {
	b := w.at(now)
	if slow {
		b.slow.Add(1)
	}
	if ok {
		b.successes.Inc()
	} else {
		b.failures.Add(1)
	}
}

// counts returns the totals of the window that ends now.
func (w *timeWindow) counts(now int64) Counts {
	var sum Counts
	oldest := w.epoch(now) - buckets + 1
	for i := range w.ring {
		b := w.ring[i].Load()
		if b == nil || b.epoch < oldest {
			continue
		}
		sum.Successes += b.successes.Load()
		sum.Failures += b.failures.Load()
		sum.Slow += b.slow.Load()
		sum.Ignored += b.ignored.Load()
	}
	return sum
}

// callWindow counts the last len(slots) calls.
//
// Each record swaps its outcome into a slot and adds the difference to one word
// that holds all three totals, so that a reader never sees half of a call. A
// swap and its addition are two steps: a record that displaces another may add
// before the other has, which takes a total below zero for a moment. Every
// total is kept bias above its value, so that it never borrows from its
// neighbour; two uses of one slot at one moment are len(slots) calls apart.
type callWindow struct {
	slots  []atomic.Uint32
	next   atomic.Uint64
	totals atomic.Uint64
}

const (
	field = 21 // bits of a total
	bias  = 1 << 19
	mask  = 1<<field - 1

	oneSuccess = 1
	oneFailure = 1 << field
	oneSlow    = 1 << (2 * field)
)

func newCallWindow(n int) *callWindow {
	w := &callWindow{slots: make([]atomic.Uint32, n)}
	w.totals.Store(bias * (oneSuccess + oneFailure + oneSlow))
	return w
}

// Slots hold these, or zero while unused.
const (
	slotSuccess = 1 << iota
	slotFailure
	slotSlow
)

// weight is what a slot's content adds to the totals.
func weight(slot uint32) uint64 {
	var w uint64
	if slot&slotSuccess != 0 {
		w += oneSuccess
	}
	if slot&slotFailure != 0 {
		w += oneFailure
	}
	if slot&slotSlow != 0 {
		w += oneSlow
	}
	return w
}

func slotOf(ok, slow bool) uint32 {
	slot := uint32(slotFailure)
	if ok {
		slot = slotSuccess
	}
	if slow {
		slot |= slotSlow
	}
	return slot
}

// record takes the place of the oldest call. Where that call ended alike, there
// is nothing to write: to swap a value for the same is to have read it, and the
// totals stay. A service that is well, or down, costs one shared write a call.
func (w *callWindow) record(slot uint32) Counts {
	at := (w.next.Add(1) - 1) % uint64(len(w.slots))
	old := w.slots[at].Load()
	if old != slot {
		old = w.slots[at].Swap(slot)
	}
	if old == slot {
		return w.counts()
	}
	return unpack(w.totals.Add(weight(slot) - weight(old)))
}

func (w *callWindow) counts() Counts { return unpack(w.totals.Load()) }

func unpack(totals uint64) Counts {
	total := func(shift int) int64 { return max(0, int64(totals>>shift&mask)-bias) }
	return Counts{Successes: total(0), Failures: total(field), Slow: total(2 * field)}
}
