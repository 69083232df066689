package window_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/window"
)

// clock is set by hand. Its next readings may be prepared: the readings of a goroutine
// that is descheduled before it uses them.
type clock struct {
	now   atomic.Int64
	stale []int64
	// inside, if set, runs once inside of the next reading: what another goroutine does
	// before the reader goes on.
	inside func()
}

func (c *clock) Now() int64 {
	if f := c.inside; f != nil {
		c.inside = nil
		f()
	}
	if len(c.stale) > 0 {
		now := c.stale[0]
		c.stale = c.stale[1:]
		return now
	}
	return c.now.Load()
}

type ring struct {
	window.Ring[atomic.Int64]
	clock clock
}

func newRing(width time.Duration) *ring {
	r := &ring{}
	r.Init(width, &r.clock)
	return r
}

func (r *ring) add(n int64) { r.At(r.clock.Now()).Counts.Add(n) }

func (r *ring) sum() (sum int64) {
	for _, b := range r.AppendLive(nil, r.Epoch(r.clock.Now())) {
		sum += b.Counts.Load()
	}
	return sum
}

func TestTheWindowIsTenBucketsThatEndWithThePresentOne(t *testing.T) {
	r := newRing(10)
	assert.Equal(t, time.Duration(10), r.Width())
	r.add(1)
	for at, want := range map[int64]int64{9: 1, 10: 1, 99: 1, 100: 0, 1000: 0} {
		r.clock.now.Store(at)
		assert.Equal(t, want, r.sum(), "at %d", at)
	}
}

func TestEpochsAreRoundedDown(t *testing.T) {
	r := newRing(10)
	for now, want := range map[int64]int64{0: 0, 9: 0, 10: 1, -1: -1, -10: -1, -11: -2} {
		assert.Equal(t, want, r.Epoch(now), "at %d", now)
		assert.Equal(t, want, r.At(now).Epoch, "at %d", now)
	}
}

func TestLookupFindsOnlyTheBucketOfAnEpoch(t *testing.T) {
	r := newRing(10)
	assert.Nil(t, r.Lookup(3))
	b := r.At(30)
	assert.Same(t, b, r.Lookup(3))
	assert.Nil(t, r.Lookup(3+window.Buckets), "the same place, a later time")
	assert.Nil(t, r.Lookup(4))
}

func TestALateAdditionGoesToTheBucketThatTookThePlace(t *testing.T) {
	r := newRing(10)
	later := r.At(105)
	assert.Same(t, later, r.At(5), "the ring has turned past that time")
}

// A clock that moves forwards at random, and the list of everything that was added.
func TestSumsAreThoseOfAListOfAllAdditions(t *testing.T) {
	type addition struct{ epoch, n int64 }
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		width := 1 + rnd.Int64N(20)
		r := newRing(time.Duration(width))
		r.clock.now.Store(rnd.Int64N(10*width) - 5*width)
		var all []addition
		floor := func(at int64) int64 { return (at%width+width)%width*-1 + at }
		for range 200 {
			now := r.clock.now.Add(rnd.Int64N(2 * width))
			if rnd.IntN(10) == 0 {
				now = r.clock.now.Add(rnd.Int64N(15 * width))
			}
			n := rnd.Int64N(5)
			r.add(n)
			all = append(all, addition{floor(now) / width, n})
			want := int64(0)
			for _, a := range all {
				if a.epoch > floor(now)/width-window.Buckets {
					want += a.n
				}
			}
			require.Equal(t, want, r.sum(), "seed %d, width %d, at %d", seed, width, now)
		}
	}
}

func TestAClockSetBackWithinTwoWindowsLosesNothing(t *testing.T) {
	for back := int64(0); back <= 200; back++ {
		r := newRing(10)
		r.clock.now.Store(1000)
		r.add(1)
		r.clock.now.Store(1000 - back)
		r.add(1)
		assert.EqualValues(t, 2, r.sum(), "set back by %d", back)
	}
}

func TestAClockSetBackFurtherBeginsAnew(t *testing.T) {
	r := newRing(10)
	r.clock.now.Store(1000)
	r.add(5)
	r.clock.now.Store(1000 - 201 - 9)
	assert.Zero(t, r.sum())
	r.add(1)
	assert.EqualValues(t, 1, r.sum())
	r.clock.now.Add(100)
	assert.Zero(t, r.sum(), "the window rolls again")
}

// The bucket of the time that the clock was set back from is not found again when that
// time comes, neither by At nor by AppendLive.
func TestABucketThatWasForsakenNeverComesBack(t *testing.T) {
	r := newRing(10)
	r.clock.now.Store(1000)
	r.add(5)
	r.clock.now.Store(1)
	r.add(0)
	for now := int64(1); now < 1000; now += 10 {
		r.clock.now.Store(now)
		require.Zero(t, r.sum(), "at %d", now)
	}
	r.clock.now.Store(1000)
	r.add(1)
	assert.EqualValues(t, 1, r.sum())
}

func TestALookByAClockThatIsWrongForAMomentLosesNothing(t *testing.T) {
	r := newRing(10)
	r.clock.now.Store(1000)
	r.add(5)
	r.clock.now.Store(0)
	assert.Zero(t, r.sum())
	r.clock.now.Store(1000)
	assert.EqualValues(t, 5, r.sum())
}

func TestAStaleReadingDiscardsNoBucketOfThePresent(t *testing.T) {
	r := newRing(10)
	r.clock.now.Store(10_000)
	r.add(1)
	r.clock.stale = []int64{0}
	assert.EqualValues(t, 1, r.sum())
	r.clock.stale = []int64{0}
	r.add(1)
	assert.EqualValues(t, 2, r.sum())
}

// Two goroutines make the same bucket, many times over.
func TestNoAdditionIsLostWhereABucketBegins(t *testing.T) {
	const adders = 2
	rings := make([]*ring, 20_000)
	for i := range rings {
		rings[i] = newRing(10)
	}
	there := make([]atomic.Int32, len(rings))
	var all sync.WaitGroup
	for range adders {
		all.Go(func() {
			for i, r := range rings {
				there[i].Add(1)
				for spin := 0; spin < 200 && there[i].Load() < adders; { // so that they begin together
					spin++
				}
				r.add(1)
			}
		})
	}
	all.Wait()
	for _, r := range rings {
		require.EqualValues(t, adders, r.sum())
	}
}

// While the clock moves on, goroutines add and others sum up. Every addition stays in the
// bucket that At returned, and no sum is more than was added.
func TestAdditionsBesideRotationAreKept(t *testing.T) {
	const adders, each = 4, 5000
	r := newRing(10)
	var added atomic.Int64
	buckets := make([]map[*window.Bucket[atomic.Int64]]bool, adders)
	var all sync.WaitGroup
	for i := range adders {
		seen := map[*window.Bucket[atomic.Int64]]bool{}
		buckets[i] = seen
		all.Go(func() {
			for n := range each {
				added.Add(1)
				b := r.At(r.clock.now.Load())
				b.Counts.Add(1)
				seen[b] = true
				if n%7 == 0 {
					r.clock.now.Add(3)
				}
				if n%50 == 0 {
					assert.LessOrEqual(t, r.sum(), added.Load())
				}
			}
		})
	}
	all.Wait()
	distinct, sum := map[*window.Bucket[atomic.Int64]]bool{}, int64(0)
	for _, seen := range buckets {
		for b := range seen {
			if !distinct[b] {
				distinct[b] = true
				sum += b.Counts.Load()
			}
		}
	}
	assert.EqualValues(t, adders*each, sum)
}
