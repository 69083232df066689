package throttle

import (
	"math"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
)

// span is how many requests the shares of the classes are taken from.
const span = 1000

// shares are the shares of the classes, by priority, in the last requests. As long as every
// request is Normal, it only counts up to span: a ring for all would be a line of memory
// that all cores write to.
type shares struct {
	normals atomic.Int64 // requests before there is a ring, up to span or a little more
	ring    atomic.Pointer[ring]
}

// note counts a request.
func (s *shares) note(class policy.Priority) {
	r := s.ring.Load()
	if r == nil {
		if class == policy.Normal {
			if s.normals.Load() < span { // then never written again
				s.normals.Add(1)
			}
			return
		}
		r = s.begin()
	}
	r.note(class)
}

// begin makes the ring and fills it with the requests so far. A Normal request that is
// counted at the same moment may be missing from it: it is one of a thousand.
func (s *shares) begin() *ring {
	r := new(ring)
	for range min(s.normals.Load(), span) {
		r.note(policy.Normal)
	}
	s.ring.CompareAndSwap(nil, r)
	return s.ring.Load()
}

// of returns the share of a class, and that of all classes below it.
func (s *shares) of(class policy.Priority) (below, own float64) {
	if r := s.ring.Load(); r != nil {
		return r.of(class)
	}
	switch {
	case class == policy.Normal:
		return 0, 1
	case class > policy.Normal:
		return 1, 0
	}
	return 0, 0
}

// ring holds the classes of the last requests, and how many there are of each. It keeps all
// 256 priorities apart, not only the named ones.
type ring struct {
	n      atomic.Int64 // requests so far
	first  atomic.Int64 // len(counts) minus the lowest place that was used, so that it only grows
	counts [256]atomic.Int64
	slots  [span]atomic.Uint32 // a class's place in counts, plus 1; 0 while unused
}

// place returns the index of a class in counts.
func place(class policy.Priority) int { return int(class) - math.MinInt8 }

// note puts a class in the slot of the one that came span requests ago. Swap hands out each
// class once. So each is counted down once, even if a goroutine is overtaken by a thousand
// others between its first and its second line.
func (r *ring) note(class policy.Priority) {
	slot := &r.slots[(r.n.Add(1)-1)%span]
	is := place(class)
	was := int(slot.Swap(uint32(is)+1)) - 1
	if was == is {
		return
	}
	if was >= 0 {
		r.counts[was].Add(-1)
	}
	r.reach(int64(len(r.counts) - is)) // before it is counted, or a reader could miss it
	r.counts[is].Add(1)
}

// reach raises first, by compare-and-swap: of two stores, the lower one could be the last.
func (r *ring) reach(first int64) {
	for {
		now := r.first.Load()
		if now >= first || r.first.CompareAndSwap(now, first) {
			return
		}
	}
}

// of is shares.of. A class that is being replaced may be read as one too few, or as -1.
func (r *ring) of(class policy.Priority) (below, own float64) {
	total := float64(max(1, min(r.n.Load(), span)))
	lower := int64(0)
	for i := len(r.counts) - int(r.first.Load()); i < place(class); i++ {
		lower += max(0, r.counts[i].Load())
	}
	return float64(lower) / total, float64(max(0, r.counts[place(class)].Load())) / total
}
