// Package histogram counts durations in exponential buckets, for quantiles that need no
// lock. The buckets are those of a native histogram of Prometheus, and of an exponential
// histogram of OpenTelemetry, with base 2 and schema 3: eight to an octave, so that the
// upper bound of a bucket is at most 9.1 % above any duration in it.
package histogram

import (
	"iter"
	"math"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Schema is how fine the buckets are: 2^Schema of them to an octave.
const Schema = 3

// The numbers of the buckets. Bucket i holds the durations above 2^((i-1)/8) seconds up
// to 2^(i/8) seconds, inclusive.
const (
	Zero  = First - 1 // what is 0 or less
	First = -239      // 1 ns
	Last  = 265       // the longest duration that there is
)

const (
	octave = 1 << Schema
	size   = Last - Zero + 1
)

// bounds are 0.5 and the upper bounds of the seven buckets above it, as client_golang
// writes them: 2^(i/8)/2, some of them rounded down.
var bounds = [octave]float64{
	0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048,
	0.7071067811865475, 0.7711054127039704, 0.8408964152537144, 0.9170040432046711,
}

// Index returns the number of the bucket of d.
func Index(d time.Duration) int {
	if d <= 0 {
		return Zero
	}
	// Of d.Seconds(), since that is the number which adapters give to Prometheus and
	// OpenTelemetry: each duration is then in the same bucket everywhere.
	fraction, exponent := math.Frexp(d.Seconds())
	i, step := 0, octave/2 // how many bounds are below fraction, by bisection
	for ; step > 0; step /= 2 {
		if fraction > bounds[i+step-1] {
			i += step
		}
	}
	if fraction > bounds[i] { // only if i is the last
		i++
	}
	return i + (exponent-1)*octave
}

// Upper returns the upper bound of bucket i, rounded up to a nanosecond. Of durations beyond
// 104 days, which are not exact in seconds, a few nanoseconds may lie on its other side.
func Upper(i int) time.Duration {
	switch {
	case i <= Zero:
		return 0
	case i >= Last:
		return math.MaxInt64
	}
	return time.Duration(math.Ceil(math.Ldexp(bounds[i&(octave-1)], i>>Schema+1) * 1e9))
}

// Histogram counts durations. The zero Histogram is empty. It is safe for concurrent use,
// and 4 KiB in size.
type Histogram struct {
	counts [size]atomic.Uint64
	// last and first bound the slots that are in use, so that a quantile reads no others:
	// the latencies of one service are in some twenty. They are counted from the two ends
	// of counts, so that 0 is none and both only grow. They are raised before a slot is
	// counted in: a reader that saw the old bounds would leave out a slot in use.
	last, first atomic.Int64
}

// Add counts d.
func (h *Histogram) Add(d time.Duration) {
	slot := int64(Index(d) - Zero)
	raise(&h.last, slot+1)
	raise(&h.first, size-slot)
	h.counts[slot].Add(1)
}

// raise makes n at least least. By compare-and-swap: of two that raise it at once, a plain
// store of the lower one could be the last.
func raise(n *atomic.Int64, least int64) {
	for {
		is := n.Load()
		if is >= least || n.CompareAndSwap(is, least) {
			return
		}
	}
}

// slots returns the range of the slots in use.
func (h *Histogram) slots() (from, to int64) { return size - h.first.Load(), h.last.Load() }

// Count returns how many durations bucket i holds.
func (h *Histogram) Count(i int) uint64 { return h.counts[i-Zero].Load() }

// All returns the buckets that are not empty, in order, with what each holds. Durations
// that are added meanwhile may or may not be in it.
func (h *Histogram) All() iter.Seq2[int, uint64] {
	return func(yield func(int, uint64) bool) {
		for slot, to := h.slots(); slot < to; slot++ {
			if n := h.counts[slot].Load(); n > 0 && !yield(int(slot)+Zero, n) {
				return
			}
		}
	}
}

// Quantile returns the upper bound of the bucket that holds the q-quantile of what the
// histograms hold together: the smallest duration of which at least a share q is not
// longer. ok is false if they are empty. q is in (0, 1].
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
	rank := max(1, uint64(math.Ceil(q*float64(total))))
	slot := int(lowest)
	for below := counts[slot]; below < rank; below += counts[slot] {
		slot++
	}
	return Upper(slot + Zero), true
}
