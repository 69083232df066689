package main

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// latencies counts durations in buckets whose width is 1/16 of a power of two. It uses the
// same memory for any number of durations, and its error is at most 6 %. It is safe for
// concurrent use.
type latencies struct{ buckets [64 * fine]atomic.Int64 }

const fine = 16

func (l *latencies) add(d time.Duration) { l.buckets[bucket(d)].Add(1) }

// bucket finds the bucket of d by the highest bit and the four bits below it.
func bucket(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < fine {
		return int(v)
	}
	shift := bits.Len64(v) - 5
	return (shift+1)*fine + int(v>>shift) - fine
}

// top returns the longest duration of a bucket.
func top(i int) time.Duration {
	if i < fine {
		return time.Duration(i)
	}
	shift := i/fine - 1
	return time.Duration((uint64(i%fine+fine+1) << shift) - 1)
}

// quantile returns the duration that a share q of the durations does not exceed, or 0 if
// there are none.
func (l *latencies) quantile(q float64) time.Duration {
	var total int64
	for i := range l.buckets {
		total += l.buckets[i].Load()
	}
	rest := int64(q * float64(total))
	for i := range l.buckets {
		n := l.buckets[i].Load()
		if rest -= n; n > 0 && rest <= 0 {
			return top(i)
		}
	}
	return 0
}
