package console

import (
	"math"
	"sync"
	"time"

	"github.com/ductile-go/ductile/observe"
)

// spread is the sum of histograms.
type spread struct {
	zero    uint64
	buckets map[int]uint64
}

func addTo(all map[string]*spread, key string, h *observe.Histogram) {
	s := all[key]
	if s == nil {
		s = &spread{buckets: map[int]uint64{}}
		all[key] = s
	}
	s.zero += h.Zero
	for i, n := range h.Buckets {
		if n > 0 {
			s.buckets[h.Offset+i] += n
		}
	}
}

// since returns the histogram of what came after an earlier one. A series that was deleted
// meanwhile begins anew.
func (s *spread) since(before *spread) *observe.Histogram {
	if s == nil {
		return nil
	}
	if before == nil {
		before = &spread{}
	}
	h := &observe.Histogram{Zero: less(s.zero, before.zero)}
	first, last := math.MaxInt, math.MinInt
	for i := range s.buckets {
		first, last = min(first, i), max(last, i)
	}
	h.Count = h.Zero
	if first <= last {
		h.Offset, h.Buckets = first, make([]uint64, last-first+1)
		for i, n := range s.buckets {
			h.Buckets[i-first] = less(n, before.buckets[i])
			h.Count += h.Buckets[i-first]
		}
	}
	return h
}

func less(n, before uint64) uint64 {
	if before > n {
		return n
	}
	return n - before
}

// recentTime is how far quantiles look back, at least. They look back for twice as long at
// most, while snapshots are taken.
const recentTime = 10 * time.Second

// recent keeps two earlier spreads, for the quantiles of the latest calls.
type recent struct {
	mu           sync.Mutex // guards the fields: two snapshots are taken at once
	older, newer map[string]*spread
	olderAt      time.Time
	newerAt      time.Time
}

// before returns the spreads to compare with, and keeps the present ones for later. If
// nothing was taken for long, the first comparison is with what there was then.
func (r *recent) before(now map[string]*spread, at time.Time) map[string]*spread {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch age := at.Sub(r.newerAt); {
	case r.newer == nil || age < 0: // the first, or the clock was set back
		r.older, r.newer, r.olderAt, r.newerAt = r.newer, now, r.newerAt, at
	case age >= 2*recentTime:
		base := r.newer
		r.older, r.newer, r.olderAt, r.newerAt = now, now, at, at
		return base
	case age >= recentTime:
		r.older, r.newer, r.olderAt, r.newerAt = r.newer, now, r.newerAt, at
	}
	return r.older
}
