package window_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/window"
)

// The bucket that the clock was set back from has the place of the new one, at times before
// zero too.
func TestABucketBeforeTimeZeroThatWasForsakenNeverComesBack(t *testing.T) {
	r := newRing(10)
	r.clock.now.Store(-50)
	r.add(5)
	r.clock.now.Store(-950)
	r.add(1)
	assert.EqualValues(t, 1, r.sum())
	r.clock.now.Store(-50)
	r.add(2)
	assert.EqualValues(t, 2, r.sum())
}

// A goroutine makes a bucket of the time before the clock was set back, while another one
// takes such buckets out.
func TestABucketMadeWhileOthersAreForsakenNeverComesBack(t *testing.T) {
	r := newRing(10)
	r.clock.now.Store(1050)
	r.add(5)
	r.clock.now.Store(0)
	r.clock.inside = func() { r.At(1060).Counts.Add(3) }
	r.At(0).Counts.Add(1)
	require.Nil(t, r.clock.inside)
	assert.EqualValues(t, 1, r.sum())
	r.clock.now.Store(1060)
	r.add(2)
	assert.EqualValues(t, 2, r.sum())
}

func TestAnAdditionAtATimeWhoseBucketWasReplacedCounts(t *testing.T) {
	r := newRing(10)
	for _, at := range []int64{5, 105, 5} { // the bucket of 105 takes the place of that of 5
		r.clock.now.Store(at)
		r.add(1)
	}
	assert.EqualValues(t, 2, r.sum(), "the additions at 105 and at 5 again")
}

// Both find the bucket of a time that the clock was set back from.
func TestTwoThatReplaceOneBucketCountInTheSameOne(t *testing.T) {
	r := newRing(10)
	r.clock.now.Store(1000)
	r.add(5)
	r.clock.now.Store(0)
	var first *window.Bucket[atomic.Int64]
	r.clock.inside = func() { first = r.At(0) }
	second := r.At(0)
	require.NotNil(t, first)
	assert.Same(t, first, second)
	assert.Same(t, first, r.Lookup(0))
}

func TestTheClockIsReadOnlyForABucketThatSeemsFarAhead(t *testing.T) {
	r := newRing(10)
	for _, at := range []int64{0, 55, 1000, 1055, 900} {
		r.clock.now.Store(at)
		r.clock.inside = func() { t.Errorf("the clock is read at %d", at) }
		r.At(at)
		r.AppendLive(nil, r.Epoch(at))
	}
}

// The clock was set back by two windows exactly, and a goroutine has a reading of long before.
func TestAStaleReadingDiscardsNoBucketWithinTwoWindows(t *testing.T) {
	r := newRing(10)
	r.clock.now.Store(1000)
	r.add(5)
	r.clock.now.Store(800)
	r.clock.stale = []int64{0}
	assert.EqualValues(t, 5, r.sum())
	r.clock.stale = []int64{0}
	r.add(1)
	assert.EqualValues(t, 6, r.sum())
}

// The clock was set back after the caller had read it.
func TestABucketTwoWindowsAheadOfTheCallersReadingCounts(t *testing.T) {
	r := newRing(10)
	r.clock.now.Store(210)
	r.add(5)
	r.clock.now.Store(0)
	assert.Len(t, r.AppendLive(nil, r.Epoch(10)), 1)
	assert.Empty(t, r.AppendLive(nil, r.Epoch(0)))
}

// While a goroutine that has made the bucket of its time looks for forsaken ones, the ring
// turns on.
func TestAnAdditionThatTheRingOvertookGoesToTheBucketOfItsTime(t *testing.T) {
	r := newRing(10)
	r.clock.now.Store(1010)
	r.add(5)
	r.clock.now.Store(0)
	r.clock.inside = func() { r.At(100).Counts.Add(1) }
	assert.Zero(t, r.At(0).Epoch)
	require.Nil(t, r.clock.inside)
}
