package histogram_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/histogram"
)

// durations yields durations of every magnitude, and those next to the bounds of the
// buckets.
func durations(yield func(time.Duration) bool) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		if !yield(time.Duration(rnd.Int64() >> rnd.IntN(63))) {
			return
		}
	}
	for i := histogram.First; i < histogram.Last; i++ {
		for _, d := range []time.Duration{histogram.Upper(i) - 1, histogram.Upper(i), histogram.Upper(i) + 1} {
			if !yield(d) {
				return
			}
		}
	}
}

// native returns the bucket that client_golang chooses for a value in a native histogram
// of schema 3.
func native(v float64) int {
	bounds := []float64{
		0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048,
		0.7071067811865475, 0.7711054127039704, 0.8408964152537144, 0.9170040432046711,
	}
	fraction, exponent := math.Frexp(v)
	return sort.SearchFloat64s(bounds, fraction) + (exponent-1)*8
}

func TestBucketsEqualThoseOfANativeHistogram(t *testing.T) {
	for d := range durations {
		if d > 0 {
			require.Equal(t, native(d.Seconds()), histogram.Index(d), "%d ns", d)
		}
	}
}

func TestEveryDurationHasABucket(t *testing.T) {
	assert.Equal(t, histogram.First, histogram.Index(1))
	assert.Equal(t, histogram.Last, histogram.Index(math.MaxInt64))
	for _, d := range []time.Duration{0, -1, math.MinInt64} {
		assert.Equal(t, histogram.Zero, histogram.Index(d))
	}
	assert.Zero(t, histogram.Upper(histogram.Zero))
	assert.Equal(t, time.Duration(math.MaxInt64), histogram.Upper(histogram.Last))
	assert.Equal(t, time.Second, histogram.Upper(0))
	assert.Equal(t, 2*time.Second, histogram.Upper(8))
}

func TestAnUpperBoundIsAtMostANinthAboveItsDurations(t *testing.T) {
	for d := range durations {
		if d <= 0 || d > 1<<53 {
			continue
		}
		upper := histogram.Upper(histogram.Index(d))
		require.GreaterOrEqual(t, upper, d)
		if upper < math.MaxInt64 {
			require.LessOrEqual(t, float64(upper), math.Ceil(float64(d)*math.Exp2(1./8))+1, "%v", d)
		}
	}
}

// exact returns the q-quantile by the nearest-rank method.
func exact(sorted []time.Duration, q float64) time.Duration {
	return sorted[max(1, int(math.Ceil(q*float64(len(sorted)))))-1]
}

func TestAQuantileIsAtAWholeRankWhereItsProductIsRoundedUp(t *testing.T) {
	for percent := 1; percent <= 100; percent++ {
		var h histogram.Histogram
		for i := range 100 {
			if i < percent {
				h.Add(time.Millisecond)
			} else {
				h.Add(time.Second)
			}
		}
		got, ok := histogram.Quantile(float64(percent)/100, &h)
		require.True(t, ok)
		require.Less(t, got, 2*time.Millisecond, "%d %%", percent) // 0.07, 0.14, 0.28, 0.55 and 0.56
	}
}

func TestQuantileReturnsTheUpperBoundOfItsBucket(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		halves := [2]histogram.Histogram{}
		var all []time.Duration
		for range 1 + rnd.IntN(500) {
			d := time.Duration(math.Exp(rnd.NormFloat64()*2) * float64(time.Millisecond))
			halves[rnd.IntN(2)].Add(d)
			all = append(all, d)
		}
		slices.Sort(all)
		for _, q := range []float64{1e-9, 0.5, 0.9, 0.95, 0.99, 1} {
			got, ok := histogram.Quantile(q, &halves[0], &halves[1])
			require.True(t, ok)
			require.Equal(t, histogram.Upper(histogram.Index(exact(all, q))), got, "seed %d, quantile %v", seed, q)
		}
	}
	_, ok := histogram.Quantile(0.5, new(histogram.Histogram))
	assert.False(t, ok)
}

func TestCountsAndBucketsAgree(t *testing.T) {
	var h histogram.Histogram
	for _, d := range []time.Duration{0, time.Second, time.Second, time.Hour} {
		h.Add(d)
	}
	var seen []int
	for i, n := range h.All() {
		seen = append(seen, i)
		assert.Equal(t, h.Count(i), n)
	}
	assert.Equal(t, []int{histogram.Zero, 0, histogram.Index(time.Hour)}, seen)
	assert.EqualValues(t, 2, h.Count(0))
	for i := range h.All() {
		assert.Equal(t, histogram.Zero, i)
		break
	}
}

func TestARingDropsTheOldestGeneration(t *testing.T) {
	r := histogram.NewRecent(10)
	_, ok := r.Quantile(0.5)
	assert.False(t, ok)
	for n := range int64(10) {
		assert.Equal(t, n+1, r.Add(time.Hour))
	}
	assert.EqualValues(t, 10, r.Len())
	for n := range int64(9) {
		assert.Equal(t, n+11, r.Add(time.Second))
	}
	assert.EqualValues(t, 19, r.Len())
	longest, _ := r.Quantile(1)
	assert.Equal(t, histogram.Upper(histogram.Index(time.Hour)), longest)
	assert.EqualValues(t, 20, r.Add(time.Second))
	assert.EqualValues(t, 10, r.Len(), "the durations of hours were dropped")
	longest, _ = r.Quantile(1)
	assert.Equal(t, time.Second, longest)
}

func TestConcurrentAddsLoseNoDuration(t *testing.T) {
	const goroutines, each = 8, 2000
	var h histogram.Histogram
	r := histogram.NewRecent(goroutines * each)
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for i := range each {
				h.Add(time.Duration(i))
				r.Add(time.Duration(i))
				if i%500 == 0 {
					r.Quantile(0.9)
				}
			}
		})
	}
	wg.Wait()
	var sum uint64
	for _, n := range h.All() {
		sum += n
	}
	assert.EqualValues(t, goroutines*each, sum)
	assert.EqualValues(t, goroutines*each, r.Len())
	q, _ := r.Quantile(1)
	assert.Equal(t, histogram.Upper(histogram.Index(each-1)), q)
}

func TestAddAllocatesNothing(t *testing.T) {
	r := histogram.NewRecent(1 << 30)
	assert.Zero(t, testing.AllocsPerRun(100, func() { r.Add(time.Second) }))
	assert.Zero(t, testing.AllocsPerRun(100, func() { r.Quantile(0.95) }))
}

func BenchmarkAdd(b *testing.B) {
	b.Run("mode=serial", func(b *testing.B) {
		r := histogram.NewRecent(1000)
		for b.Loop() {
			r.Add(12_345_678)
		}
	})
	b.Run("mode=parallel", func(b *testing.B) {
		r := histogram.NewRecent(1000)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				r.Add(12_345_678)
			}
		})
	})
}

func BenchmarkIndex(b *testing.B) {
	for b.Loop() {
		histogram.Index(12_345_678)
	}
}

func BenchmarkQuantile(b *testing.B) {
	r := histogram.NewRecent(1000)
	for i := range 1500 {
		r.Add(time.Duration(i) * time.Millisecond)
	}
	for b.Loop() {
		r.Quantile(0.95)
	}
}

func TestBoundIsInItsBucketAndTheNextNumberIsNot(t *testing.T) {
	for i := histogram.First; i < histogram.Last; i++ {
		assert.Equal(t, i, histogram.IndexOf(histogram.Bound(i)))
		assert.Equal(t, i+1, histogram.IndexOf(math.Nextafter(histogram.Bound(i), math.Inf(1))))
		assert.InEpsilon(t, math.Exp2(float64(i)/8), histogram.Bound(i), 1e-15)
	}
	assert.Zero(t, histogram.Bound(histogram.Zero))
	assert.Equal(t, histogram.Zero, histogram.IndexOf(-1))
}
