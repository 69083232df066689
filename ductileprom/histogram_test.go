package ductileprom_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileprom"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
)

// theirs returns a histogram of client_golang with the same buckets.
func theirs(bounds []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "theirs", Help: "Theirs.", Buckets: bounds, NativeHistogramBucketFactor: 1.1,
	})
}

func written(t *testing.T, m prometheus.Metric) *dto.Histogram {
	t.Helper()
	var out dto.Metric
	require.NoError(t, m.Write(&out))
	return out.GetHistogram()
}

func bounds(t *testing.T, name string) []float64 {
	t.Helper()
	for _, i := range observe.Instruments() {
		if i.Name == name {
			return i.Bounds
		}
	}
	require.Fail(t, "no instrument", name)
	return nil
}

// same asserts that two histograms are equal bucket by bucket and span by span.
func same(t *testing.T, want, got *dto.Histogram, about any) {
	t.Helper()
	require.Equal(t, want.GetSampleCount(), got.GetSampleCount(), about)
	require.InDelta(t, want.GetSampleSum(), got.GetSampleSum(), 1e-6, about)
	require.Len(t, got.GetBucket(), len(want.GetBucket()), about)
	for i, b := range want.GetBucket() {
		require.InDelta(t, b.GetUpperBound(), got.GetBucket()[i].GetUpperBound(), 0, about)
		require.Equal(t, b.GetCumulativeCount(), got.GetBucket()[i].GetCumulativeCount(), "%v: le %v", about, b.GetUpperBound())
	}
	require.Equal(t, want.GetSchema(), got.GetSchema(), about)
	require.InDelta(t, want.GetZeroThreshold(), got.GetZeroThreshold(), 0, about)
	require.Equal(t, want.GetZeroCount(), got.GetZeroCount(), about)
	require.Equal(t, want.GetPositiveDelta(), got.GetPositiveDelta(), about)
	require.Len(t, got.GetPositiveSpan(), len(want.GetPositiveSpan()), about)
	for i, span := range want.GetPositiveSpan() {
		require.Equal(t, span.GetOffset(), got.GetPositiveSpan()[i].GetOffset(), about)
		require.Equal(t, span.GetLength(), got.GetPositiveSpan()[i].GetLength(), about)
	}
}

// The reference is client_golang's own histogram, given the same measurements.
func TestDurationsHaveTheBucketsOfClientGolang(t *testing.T) {
	edges := []time.Duration{0, 1, 2, 999, time.Millisecond, 5 * time.Millisecond, 10 * time.Second, 10*time.Second + 1, time.Second, time.Hour}
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		s := observe.New(observe.Config{})
		reference := theirs(bounds(t, "ductile.call.duration"))
		for range 1 + rnd.IntN(200) {
			took := time.Duration(1) << rnd.IntN(45)
			took += time.Duration(rnd.Int64N(int64(took)))
			if rnd.IntN(4) == 0 {
				took = edges[rnd.IntN(len(edges))]
			}
			observed(s, finished("p", took))
			reference.Observe(took.Seconds())
		}
		ours := find(t, gathered(t, s), "ductile_call_duration_seconds", labels{"pipeline": "p", "outcome": "success", "rescue": "none"})
		same(t, written(t, reference), ours.GetHistogram(), seed)
	}
}

func TestAttemptsHaveTheBucketsOfClientGolang(t *testing.T) {
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		s := observe.New(observe.Config{})
		reference := theirs(bounds(t, "ductile.call.attempts"))
		for range 1 + rnd.IntN(50) {
			n := 1 + rnd.IntN(1<<(1+rnd.IntN(8)))
			observed(s, policy.Event{Kind: policy.Finished, Pipeline: "p", Attempt: n})
			reference.Observe(float64(n))
		}
		ours := find(t, gathered(t, s), "ductile_call_attempts", labels{"pipeline": "p"})
		same(t, written(t, reference), ours.GetHistogram(), seed)
	}
}

func TestBucketsOfOneKindCanBeLeftOut(t *testing.T) {
	s := observe.New(observe.Config{})
	observed(s, finished("p", time.Second))
	histogram := func(opts ...ductileprom.Option) *dto.Histogram {
		return gathered(t, s, opts...)["ductile_call_duration_seconds"].GetMetric()[0].GetHistogram()
	}
	h := histogram(ductileprom.WithoutClassicBuckets())
	assert.Empty(t, h.GetBucket())
	assert.NotEmpty(t, h.GetPositiveSpan())
	h = histogram(ductileprom.WithoutNativeBuckets())
	assert.Len(t, h.GetBucket(), 14)
	assert.Empty(t, h.GetPositiveSpan())
	assert.Nil(t, h.Schema)
}
