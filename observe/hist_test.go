package observe

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// second is the scale of a histogram of durations.
const second = float64(time.Second)

func TestAHistogramAgreesWithItsDurations(t *testing.T) {
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		var h hist
		var all []float64
		var sum int64
		for range 1 + rnd.IntN(400) {
			d := time.Duration(math.Exp(rnd.NormFloat64()*3) * float64(50*time.Millisecond))
			switch rnd.IntN(10) {
			case 0:
				d = 0
			case 1:
				d = splits[rnd.IntN(len(splits))] + time.Duration(rnd.IntN(3)-1)
			case 2:
				d = time.Duration(1+rnd.IntN(8)) * 250 * time.Millisecond // 0.25, 0.5 and 1 are bounds of buckets
			}
			h.time(d)
			all, sum = append(all, d.Seconds()), sum+int64(d)
		}
		slices.Sort(all)
		got := h.snapshot(second, seconds)
		require.EqualValues(t, len(all), got.Count, "seed %d", seed)
		require.EqualValues(t, len(all), h.measured())
		require.InDelta(t, float64(sum)/1e9, got.Sum, 0)
		counted := got.Zero
		for _, n := range got.Buckets {
			counted += n
		}
		require.Equal(t, got.Count, counted)
		for b, bound := range seconds {
			want, _ := slices.BinarySearch(all, math.Nextafter(bound, 100))
			require.EqualValues(t, want, got.AtMost[b], "seed %d: at most %v", seed, bound)
		}
		read := roundTrip(t, got)
		for range 20 {
			q := rnd.Float64()
			exact := all[max(1, int(math.Ceil(q*float64(len(all)))))-1]
			near(t, exact, got.Quantile(q))
			near(t, exact, read.Quantile(q))
		}
		near(t, all[0], got.Quantile(0))
		near(t, all[len(all)-1], got.Quantile(1))
	}
}

// near requires that an estimate is within a factor of 2^(1/8) of the exact number.
func near(t *testing.T, exact, got float64) {
	t.Helper()
	if exact == 0 {
		require.Zero(t, got)
		return
	}
	require.LessOrEqual(t, math.Abs(math.Log2(got/exact)), 1./8+1e-9, "%v is not near %v", got, exact)
}

func roundTrip(t *testing.T, h *Histogram) *Histogram {
	t.Helper()
	text, err := json.Marshal(h)
	require.NoError(t, err)
	var back Histogram
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, h.Count, back.Count)
	return &back
}

func TestAHistogramOfAttemptsHasExactBounds(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 0))
	var h hist
	want := make([]uint64, len(attempts))
	for range 1000 {
		n := 1 + rnd.IntN(20)
		h.number(n)
		for b, bound := range attempts {
			if float64(n) <= bound {
				want[b]++
			}
		}
	}
	assert.Equal(t, want, h.snapshot(1, attempts).AtMost)
	h.number(math.MaxInt)
	h.number(0)
	h.number(-1)
	got := h.snapshot(1, attempts)
	assert.EqualValues(t, 1003, got.Count)
	assert.EqualValues(t, 2, got.Zero)
}

func TestAnEmptyHistogramHasNoQuantile(t *testing.T) {
	for _, h := range []*Histogram{nil, {}, new(hist).snapshot(second, seconds)} {
		assert.True(t, math.IsNaN(h.Quantile(0.5)))
		assert.True(t, math.IsNaN(h.Mean()))
	}
	one := &Histogram{Count: 2, Sum: 3, Offset: 8, Buckets: []uint64{2}}
	assert.InDelta(t, 1.5, one.Mean(), 0)
	assert.True(t, math.IsNaN(one.Quantile(math.NaN())))
	assert.InDelta(t, 2, one.Quantile(7), 1e-9, "q is limited to 1")
	assert.InDelta(t, 2, (&Histogram{Count: 9, Offset: 8, Buckets: []uint64{2}}).Quantile(1), 1e-9, "counts that do not add up")
}

func TestAQuantileIsAtAWholeRankWhereItsProductIsRoundedUp(t *testing.T) {
	for percent := 1; percent <= 100; percent++ {
		h := new(hist)
		for i := range 100 {
			if i < percent {
				h.time(time.Millisecond)
			} else {
				h.time(time.Second)
			}
		}
		assert.Less(t, h.snapshot(second, seconds).Quantile(float64(percent)/100), 0.002, "%d %%", percent)
	}
}

func TestNegativeDurationsCountAsZero(t *testing.T) {
	var h hist
	h.time(-time.Second)
	got := h.snapshot(second, seconds)
	assert.EqualValues(t, 1, got.Zero)
	assert.Zero(t, got.Sum)
	assert.EqualValues(t, 1, got.AtMost[0])
}

func TestASumOfCenturiesDoesNotOverflow(t *testing.T) {
	var h hist
	for range 1000 {
		h.time(longest)
		h.time(math.MaxInt64) // counts as the longest
	}
	assert.InEpsilon(t, 2000*time.Duration(longest).Seconds(), h.snapshot(second, seconds).Sum, 1e-12)
	h.collide()
	for range 1000 {
		h.time(longest)
	}
	assert.InEpsilon(t, 3000*time.Duration(longest).Seconds(), h.snapshot(second, seconds).Sum, 1e-12)
}

// While carry is being moved, the sum is right in each of the three states.
func TestASumIsRightWhileItIsCarried(t *testing.T) {
	for _, state := range []struct{ sum, carries, high, low int64 }{
		{carry + 5, 0, 0, carry + 5}, // crossed, not begun
		{carry + 5, 1, 0, carry + 5}, // begun
		{5, 1, 1, 5},                 // subtracted
		{5, 2, 1, 5},                 // done
		{carry + 5, 3, 1, carry + 5}, // a second time
		{5, 3, 2, 5},
	} {
		var c cell
		c.sum.Store(state.sum)
		c.carries.Store(state.carries)
		high, low := c.total()
		assert.Equal(t, state.high, high, "%+v", state)
		assert.Equal(t, state.low, low, "%+v", state)
	}
}

func TestConcurrentMeasurementsAreNotLost(t *testing.T) {
	const goroutines, each = 8, 3000
	var h hist
	var adding, reading sync.WaitGroup
	done := make(chan struct{})
	reading.Go(func() {
		for last := uint64(0); ; {
			got := h.snapshot(second, seconds)
			sum := got.Zero
			for _, n := range got.Buckets {
				sum += n
			}
			assert.Equal(t, got.Count, sum)
			assert.GreaterOrEqual(t, got.Count, last, "counts never fall")
			assert.GreaterOrEqual(t, got.Sum+1e-9, float64(got.Count)*0.001, "the sum includes what is counted")
			for b := 1; b < len(got.AtMost); b++ {
				assert.LessOrEqual(t, got.AtMost[b-1], got.AtMost[b])
			}
			assert.LessOrEqual(t, got.AtMost[len(got.AtMost)-1], got.Count)
			last = got.Count
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for range goroutines {
		adding.Go(func() {
			for i := range each {
				h.time(time.Duration(1+i%100) * time.Millisecond)
				if i == each/2 {
					h.collide() // on one processor, few measurements collide by themselves
				}
			}
		})
	}
	adding.Wait()
	close(done)
	reading.Wait()
	got := h.snapshot(second, seconds)
	assert.EqualValues(t, goroutines*each, got.Count)
	assert.InDelta(t, goroutines*each*50.5/1000, got.Sum, 1e-9)
}

func FuzzHistogram(f *testing.F) {
	f.Add(int64(1), int64(math.MaxInt64), int64(-1), 0.5)
	f.Add(int64(5_000_000), int64(5_000_001), int64(100_000_000), 0.99)
	f.Fuzz(func(t *testing.T, a, b, c int64, q float64) {
		var h hist
		all := []float64{}
		for _, d := range []int64{a, b, c} {
			h.time(time.Duration(d))
			all = append(all, max(0, time.Duration(d).Seconds()))
		}
		slices.Sort(all)
		got := h.snapshot(second, seconds)
		require.EqualValues(t, 3, got.Count)
		for i, bound := range seconds {
			want, _ := slices.BinarySearch(all, math.Nextafter(bound, 100))
			require.EqualValues(t, want, got.AtMost[i])
		}
		if q >= 0 && q <= 1 {
			near(t, all[max(1, int(math.Ceil(q*3)))-1], got.Quantile(q))
		}
	})
}
