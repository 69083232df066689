package observe

import (
	"math"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/histogram"
	"github.com/ductile-go/ductile/internal/stripe"
)

// hist counts measurements in the buckets of package histogram, and in the explicit
// buckets of its instrument. The zero hist is empty. It is safe for concurrent use and
// takes no lock.
//
// It is one cell until two goroutines collide, and then several, as a counter.Counter is.
// A cell allocates the buckets of an octave at their first use: the latencies of one
// service need few.
type hist struct {
	base  cell
	cells atomic.Pointer[[]cell]
}

const (
	octaves     = 64
	firstOctave = histogram.First >> histogram.Schema // the number of the octave with the index 0
)

type cell struct {
	sum     atomic.Int64 // in the smallest unit: nanoseconds, or attempts
	carries atomic.Int64 // twice the number of times that carry was taken from sum, and 1 while it is
	zero    atomic.Uint64
	// low counts, for each bound in splits, the measurements up to the bound that are in
	// the same bucket as it. They are not counted in octaves.
	low     [len(splits)]atomic.Uint64
	octaves [octaves]atomic.Pointer[octave]
}

// octave is the buckets of one octave. They fill a cache line.
type octave [1 << histogram.Schema]atomic.Uint64

// splits are the bounds of explicit buckets that lie inside a bucket. Without counting the
// part below them, explicit buckets would be wrong by up to the whole bucket: a call of
// exactly 0.1 s would not be in the bucket up to 0.1 s.
var splits = [...]time.Duration{
	5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	75 * time.Millisecond, 100 * time.Millisecond, 750 * time.Millisecond,
	2500 * time.Millisecond, 5 * time.Second, 7500 * time.Millisecond, 10 * time.Second,
}

// splitIn has the number of the split in each bucket, plus 1, or 0 if there is none.
var splitIn = func() (of [histogram.Last - histogram.Zero + 1]uint8) {
	for k, d := range splits {
		of[histogram.Index(d)-histogram.Zero] = uint8(k + 1)
	}
	return of
}()

// carry is what is moved from the sum of a cell to its carries. The sum of calls of 0.1 s
// at 10,000 calls a second reaches it after 50 days.
const carry = 1 << 62

// longest is the longest duration in a sum, 73 years: a few of them may not overflow it.
const longest = carry / 2

// time counts a duration.
func (h *hist) time(d time.Duration) {
	i := histogram.Index(d)
	low := 0
	if k := int(splitIn[i-histogram.Zero]); k > 0 && d <= splits[k-1] {
		low = k
	}
	h.add(i, low, min(max(0, int64(d)), longest))
}

// number counts an integer of up to a billion; larger ones have no bucket.
func (h *hist) number(n int) {
	n = min(max(0, n), 1e9)
	i := 0 // that of 1
	if n != 1 {
		i = histogram.IndexOf(float64(n))
	}
	h.add(i, 0, int64(n))
}

// add counts a measurement of n in bucket i, or in the lower part of it if low is not 0.
// It adds to the sum first: a snapshot reads the buckets first, so its sum includes all
// that it counts.
func (h *hist) add(i, low int, n int64) {
	c := &h.base
	if cells := h.cells.Load(); cells != nil {
		c = &(*cells)[stripe.Mine(len(*cells))]
		c.carryIf(c.sum.Add(n), n)
	} else if sum := c.sum.Load(); c.sum.CompareAndSwap(sum, sum+n) { // not Add, which would not reveal contention
		c.carryIf(sum+n, n)
	} else {
		c = h.collide()
		c.carryIf(c.sum.Add(n), n)
	}
	c.count(i, low)
}

// collide returns the cell to use after a failed compare-and-swap.
func (h *hist) collide() *cell {
	n := stripe.Width()
	if n == 0 {
		return &h.base
	}
	fresh := make([]cell, n)
	h.cells.CompareAndSwap(nil, &fresh) // of two goroutines, the second uses what the first has stored
	cells := *h.cells.Load()
	return &cells[stripe.Mine(len(cells))]
}

func (c *cell) count(i, low int) {
	switch {
	case low > 0:
		c.low[low-1].Add(1)
	case i == histogram.Zero:
		c.zero.Add(1)
	default:
		o := &c.octaves[i>>histogram.Schema-firstOctave]
		buckets := o.Load()
		if buckets == nil {
			// Of two goroutines that find none, the second uses what the first has stored.
			o.CompareAndSwap(nil, new(octave))
			buckets = o.Load()
		}
		buckets[i&(1<<histogram.Schema-1)].Add(1)
	}
}

// carryIf moves carry from the sum if adding n has brought it to sum and crossed the
// threshold. One goroutine crosses it at a time, so carry is moved once.
func (c *cell) carryIf(sum, n int64) {
	if sum >= carry && sum-n < carry {
		c.carries.Add(1)
		c.sum.Add(-carry)
		c.carries.Add(1)
	}
}

// total returns the sum of the cell as high*carry + low. While another goroutine moves
// carry, the size of the sum shows whether it has been subtracted.
func (c *cell) total() (high, low int64) {
	for {
		before := c.carries.Load()
		low = c.sum.Load()
		switch {
		case c.carries.Load() != before:
			continue
		case before%2 == 1 && low < carry:
			return before/2 + 1, low
		}
		return before / 2, low
	}
}

// snapshot returns the measurements so far. scale is the number of the smallest unit in
// one of the instrument's.
func (h *hist) snapshot(scale float64, bounds []float64) *Histogram {
	var all tally
	cells := []*cell{&h.base}
	if more := h.cells.Load(); more != nil {
		for i := range *more {
			cells = append(cells, &(*more)[i])
		}
	}
	for _, c := range cells {
		all.add(c)
	}
	s := all.histogram(bounds, scale == 1)
	var high, low int64
	for _, c := range cells { // after the buckets; see add
		h, l := c.total()
		if high, low = high+h, low+l; low >= carry {
			high, low = high+1, low-carry
		}
	}
	s.Sum = (float64(high)*carry + float64(low)) / scale
	return s
}

// measured returns the number of measurements.
func (h *hist) measured() uint64 {
	var all tally
	all.add(&h.base)
	if more := h.cells.Load(); more != nil {
		for i := range *more {
			all.add(&(*more)[i])
		}
	}
	return all.count
}

// tally is the sum of several cells.
type tally struct {
	count, zero uint64
	low         [len(splits)]uint64
	buckets     [octaves << histogram.Schema]uint64 // bucket i is at i - firstOctave<<Schema; without low
}

func (t *tally) add(c *cell) {
	zero := c.zero.Load()
	t.zero += zero
	t.count += zero
	for k := range c.low {
		n := c.low[k].Load()
		t.low[k] += n
		t.count += n
	}
	for o := range c.octaves {
		buckets := c.octaves[o].Load()
		if buckets == nil {
			continue
		}
		for i := range buckets {
			n := buckets[i].Load()
			t.buckets[o<<histogram.Schema+i] += n
			t.count += n
		}
	}
}

const firstIndex = firstOctave << histogram.Schema

// histogram returns the tally in the form of a Snapshot, without a sum. If its measurements
// are integers, all in the bucket of a small bound are equal to it.
func (t *tally) histogram(bounds []float64, integers bool) *Histogram {
	s := &Histogram{Count: t.count, Zero: t.zero, Bounds: bounds, AtMost: make([]uint64, len(bounds))}
	first, last := math.MaxInt, math.MinInt
	for j := range t.buckets {
		i := j + firstIndex
		n := t.buckets[j]
		if k := t.split(i); k > 0 {
			n += t.low[k-1]
		}
		if n > 0 {
			first, last = min(first, i), max(last, i)
		}
	}
	if first <= last {
		s.Offset, s.Buckets = first, make([]uint64, last-first+1)
	}
	below, b := t.zero, 0 // measurements below bucket i, and the next bound
	for i := first; i <= last; i++ {
		n, low := t.buckets[i-firstIndex], uint64(0)
		if k := t.split(i); k > 0 {
			low = t.low[k-1]
		}
		for ; b < len(bounds) && bounds[b] < histogram.Bound(i); b++ { // inside or below bucket i
			s.AtMost[b] = below
			switch inside := histogram.IndexOf(bounds[b]) == i; {
			case inside && integers:
				s.AtMost[b] += n
			case inside:
				s.AtMost[b] += low
			}
		}
		s.Buckets[i-first] = n + low
		below += n + low
	}
	for ; b < len(bounds); b++ {
		s.AtMost[b] = below
	}
	return s
}

// split returns the number of the split in bucket i, plus 1, or 0.
func (t *tally) split(i int) uint8 {
	if i < histogram.Zero || i > histogram.Last {
		return 0
	}
	return splitIn[i-histogram.Zero]
}
