// Package histogram counts durations in exponential buckets, and computes quantiles
// without a lock. The buckets are those of a Prometheus native histogram and an
// OpenTelemetry exponential histogram with base 2 and schema 3: eight per octave, so a
// bucket's upper bound is at most 9.1 % above any duration in it.
package histogram

import (
	"iter"
	"math"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Schema is the resolution: 2^Schema buckets per octave.
const Schema = 3

// The numbers of the special buckets. Bucket i holds durations above 2^((i-1)/8) seconds,
// up to and including 2^(i/8) seconds.
const (
	Zero  = First - 1 // durations of 0 or less
	First = -239      // 1 ns
	Last  = 265       // the longest time.Duration
)

const (
	octave = 1 << Schema
	size   = Last - Zero + 1
)

// bounds holds 0.5 and the upper bounds of the seven buckets above it, with the values of
// client_golang: 2^(i/8)/2, some of them rounded down.
var bounds = [octave]float64{
	0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048,
	0.7071067811865475, 0.7711054127039704, 0.8408964152537144, 0.9170040432046711,
}

// Index returns the bucket number of d.
func Index(d time.Duration) int {
	// Use d.Seconds(), because adapters pass that number to Prometheus and OpenTelemetry:
	// this way each duration is in the same bucket everywhere.
	return IndexOf(d.Seconds())
}

// IndexOf returns the bucket number of a number: seconds, or another unit. Numbers of 1e-9
// to 1e9 have a bucket.
func IndexOf(v float64) int {
	if v <= 0 {
		return Zero
	}
	fraction, exponent := math.Frexp(v)
	i, step := 0, octave/2 // number of bounds below fraction, by binary search
	for ; step > 0; step /= 2 {
		if fraction > bounds[i+step-1] {
			i += step
		}
	}
	if fraction > bounds[i] { // only if i is the last index
		i++
	}
	return i + (exponent-1)*octave
}

// Bound returns the upper bound of bucket i as a number: 2^(i/8), in some places rounded
// down. The bound of Zero is 0.
func Bound(i int) float64 {
	if i <= Zero {
		return 0
	}
	return math.Ldexp(bounds[i&(octave-1)], i>>Schema+1)
}

// Upper returns the upper bound of bucket i, rounded up to a nanosecond. Durations above
// 104 days are not exact in seconds, so some of them may be a few nanoseconds above the
// bound.
func Upper(i int) time.Duration {
	switch {
	case i <= Zero:
		return 0
	case i >= Last:
		return math.MaxInt64
	}
	return time.Duration(math.Ceil(Bound(i) * 1e9))
}

// Histogram counts durations. The zero Histogram is empty. It is safe for concurrent use,
// and its size is 4 KiB.
type Histogram struct {
	counts [size]atomic.Uint64
	// last and first bound the range of used slots, so that a quantile reads no others:
	// the latencies of one service use about twenty. They count from the two ends of
	// counts, so that 0 means none and both only grow. Add raises them before it counts in
	// a slot: otherwise a reader could see the count and still skip the slot.
	last, first atomic.Int64
}

// Add counts d.
func (h *Histogram) Add(d time.Duration) {
	slot := int64(Index(d) - Zero)
	raise(&h.last, slot+1)
	raise(&h.first, size-slot)
	h.counts[slot].Add(1)
}

// raise sets n to at least least, by compare-and-swap: of two concurrent plain stores,
// the lower one could be the last.
func raise(n *atomic.Int64, least int64) {
	for {
		is := n.Load()
		if is >= least || n.CompareAndSwap(is, least) {
			return
		}
	}
}

// slots returns the range of used slots.
func (h *Histogram) slots() (from, to int64) { return size - h.first.Load(), h.last.Load() }

// Count returns the number of durations in bucket i.
func (h *Histogram) Count(i int) uint64 { return h.counts[i-Zero].Load() }

// All returns the non-empty buckets in order, each with its count. It may or may not
// include durations that are added during the iteration.
func (h *Histogram) All() iter.Seq2[int, uint64] {
	return func(yield func(int, uint64) bool) {
		for slot, to := h.slots(); slot < to; slot++ {
			if n := h.counts[slot].Load(); n > 0 && !yield(int(slot)+Zero, n) {
				return
			}
		}
	}
}

// Rank returns a share q of n, rounded down by as much as the product may be too high: 0.55 x
// 100 is more than 55, so the 55th of 100 would not do.
func Rank(q float64, n uint64) float64 { return q * float64(n) * (1 - 1e-15) }

// Quantile returns the upper bound of the bucket that holds the q-quantile of all
// histograms together. The q-quantile is the smallest duration d such that at least a
// share q of the durations is at most d. ok is false if the histograms are empty. q is in
// (0, 1].
func Quantile(q float64, histograms ...*Histogram) (d time.Duration, ok bool) {
	var counts [size]uint64 // read once, so that the sum and the slots agree
	var total uint64
	lowest := int64(size)
	for _, h := range histograms {
		slot, to := h.slots()
		for lowest = min(lowest, slot); slot < to; slot++ {
			n := h.counts[slot].Load()
			counts[slot] += n
			total += n
		}
	}
	if total == 0 {
		return 0, false
	}
	rank := max(1, uint64(math.Ceil(Rank(q, total))))
	slot := int(lowest)
	for below := counts[slot]; below < rank; below += counts[slot] {
		slot++
	}
	return Upper(slot + Zero), true
}
