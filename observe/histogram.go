package observe

import (
	"math"

	"github.com/ductile-go/ductile/internal/histogram"
)

// Schema is the resolution of a [Histogram]: 2^Schema buckets for each power of two.
const Schema = histogram.Schema

// Histogram has the measurements of one series. It is consistent: Count is the sum of Zero
// and Buckets, also while calls end. Sum includes every measurement that is counted, and
// may include some that are about to be.
//
// Its buckets are those of a Prometheus native histogram and of an OpenTelemetry
// exponential histogram, with [Schema]. The zero Histogram is empty.
type Histogram struct {
	Count uint64  `json:"count"`
	Sum   float64 `json:"sum"` // in the instrument's unit
	// Zero is the number of measurements of 0.
	Zero uint64 `json:"zero,omitempty"`
	// Buckets has the number of measurements in each bucket from Offset on. Bucket i holds
	// those above 2^((i-1)/8) and up to 2^(i/8), as in a native histogram. An exponential
	// histogram of OpenTelemetry gives that bucket the number i-1.
	Offset  int      `json:"offset,omitempty"`
	Buckets []uint64 `json:"buckets,omitempty"`
	// AtMost has, for each of Bounds, the exact number of measurements up to that bound, as
	// a histogram with explicit buckets has. Both are empty in a Histogram read from JSON.
	Bounds []float64 `json:"-"`
	AtMost []uint64  `json:"-"`
}

// Quantile returns an estimate of the q-quantile: the smallest measurement such that at
// least a share q of all are at most as large. It is in the instrument's unit, and within a
// factor of 2^(1/8), 1.09, of that measurement. Inside a bucket it interpolates as
// histogram_quantile of Prometheus does for native histograms. It returns NaN if h is nil
// or empty. q is limited to 0 to 1.
func (h *Histogram) Quantile(q float64) float64 {
	if h == nil || h.Count == 0 || math.IsNaN(q) {
		return math.NaN()
	}
	rank := histogram.Rank(min(max(0, q), 1), h.Count)
	below := float64(h.Zero)
	if h.Zero > 0 && rank <= below {
		return 0
	}
	last := h.Offset
	for j, n := range h.Buckets {
		if n == 0 {
			continue
		}
		last = h.Offset + j
		if below+float64(n) >= rank {
			return inside(last, max(0, rank-below)/float64(n))
		}
		below += float64(n)
	}
	return histogram.Bound(last) // the counts are not consistent: h was not made by Snapshot
}

// inside returns the number at a share of the way through bucket i, by its logarithm.
func inside(i int, share float64) float64 {
	return math.Exp2((float64(i) - 1 + share) / (1 << Schema))
}

// Mean returns Sum / Count, or NaN if h is nil or empty.
func (h *Histogram) Mean() float64 {
	if h == nil || h.Count == 0 {
		return math.NaN()
	}
	return h.Sum / float64(h.Count)
}
