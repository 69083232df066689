package ductileprom

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/ductile-go/ductile/observe"
)

// gap is the longest run of empty buckets inside a span. A new span costs as much as two
// buckets; client_golang does the same.
const gap = 2

// What all histograms have in common. The zero bucket is that of client_golang: only a
// measurement of 0 falls into it, because the smallest other one is a nanosecond.
var (
	schema        = int32(observe.Schema)
	zeroThreshold = float64(prometheus.DefNativeHistogramZeroThreshold)
)

func (m *metric) histogram() *dto.Histogram {
	h := m.series.Histogram
	out := &dto.Histogram{SampleCount: &h.Count, SampleSum: &h.Sum}
	if m.of.classic {
		out.Bucket = classic(h)
	}
	if m.of.native {
		out.Schema, out.ZeroThreshold, out.ZeroCount = &schema, &zeroThreshold, &h.Zero
		out.PositiveSpan, out.PositiveDelta = native(h)
	}
	return out
}

// classic returns cumulative buckets, without the last of +Inf, which is the count.
func classic(h *observe.Histogram) []*dto.Bucket {
	buckets := make([]dto.Bucket, len(h.Bounds))
	all := make([]*dto.Bucket, len(h.Bounds))
	for i := range h.Bounds {
		buckets[i].UpperBound, buckets[i].CumulativeCount = &h.Bounds[i], &h.AtMost[i]
		all[i] = &buckets[i]
	}
	return all
}

// native returns the buckets of h as spans of buckets that follow one another, and the
// difference of each bucket from the one before.
func native(h *observe.Histogram) (spans []*dto.BucketSpan, deltas []int64) {
	var last, next int64 // the count of the last bucket written, and the index behind it
	write := func(n uint64) {
		deltas = append(deltas, int64(n)-last)
		last = int64(n)
		*spans[len(spans)-1].Length++
		next++
	}
	for j, n := range h.Buckets {
		if n == 0 {
			continue
		}
		i := int64(h.Offset + j)
		if empty := i - next; len(spans) == 0 || empty > gap {
			spans = append(spans, &dto.BucketSpan{Offset: new(int32(empty)), Length: new(uint32(0))})
			next = i
		}
		for next < i {
			write(0)
		}
		write(n)
	}
	return spans, deltas
}
