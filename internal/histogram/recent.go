package histogram

import (
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Recent is a ring of two histograms that holds the most recent durations: at least one
// generation of them, and at most two. Before the first generation is full, it holds all.
// Make one with [NewRecent]. It is safe for concurrent use and takes no lock.
type Recent struct {
	each int64
	// ring is replaced as a whole when a generation is full. A goroutine that loaded the
	// old ring and was descheduled adds its duration to an older or dropped generation.
	// This is harmless: it is one duration among a thousand, and belongs to that time.
	ring atomic.Pointer[ring]
}

type ring struct {
	before int64 // number of durations in the generations before newer
	newer  *generation
	older  *Histogram // nil while there is none
}

type generation struct {
	Histogram
	n atomic.Int64
}

// NewRecent returns a ring with generations of each durations.
func NewRecent(each int) *Recent {
	r := &Recent{each: int64(each)}
	r.ring.Store(&ring{newer: new(generation)})
	return r
}

// Add counts d, and returns the total number of durations added so far.
func (r *Recent) Add(d time.Duration) (total int64) {
	now := r.ring.Load()
	now.newer.Add(d)
	n := now.newer.n.Add(1)
	if n == r.each {
		// Only one addition gets this number, and no other generation can fill before it
		// has stored the ring, so a plain store suffices.
		r.ring.Store(&ring{before: now.before + n, newer: new(generation), older: &now.newer.Histogram})
	}
	return now.before + n
}

// Total returns the number of durations added so far.
func (r *Recent) Total() int64 {
	now := r.ring.Load()
	return now.before + now.newer.n.Load()
}

// Len returns the number of durations in the ring.
func (r *Recent) Len() int64 {
	now := r.ring.Load()
	n := now.newer.n.Load()
	if now.older != nil {
		n += r.each
	}
	return n
}

// Quantile returns [Quantile] of the durations in the ring.
func (r *Recent) Quantile(q float64) (d time.Duration, ok bool) {
	now := r.ring.Load()
	if now.older == nil {
		return Quantile(q, &now.newer.Histogram)
	}
	return Quantile(q, &now.newer.Histogram, now.older)
}
