package histogram

import (
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Recent is a ring of two histograms: it holds the last durations that were added, between
// one generation of them and two. Make one with [NewRecent]. It is safe for concurrent use
// and takes no lock.
type Recent struct {
	each int64
	// ring is replaced as a whole when a generation is full. A goroutine that loaded the
	// old one and was held up adds to a generation that is older by then, or gone: it
	// is one duration among a thousand, and counts as one of its own time.
	ring atomic.Pointer[ring]
}

type ring struct {
	before int64 // how many durations were in generations before newer
	newer  *generation
	older  *Histogram // nil while there is none
}

type generation struct {
	Histogram
	n atomic.Int64
}

// NewRecent returns a ring of generations of so many durations each.
func NewRecent(each int) *Recent {
	r := &Recent{each: int64(each)}
	r.ring.Store(&ring{newer: new(generation)})
	return r
}

// Add counts d, and returns how many durations have been added in all.
func (r *Recent) Add(d time.Duration) (total int64) {
	now := r.ring.Load()
	now.newer.Add(d)
	n := now.newer.n.Add(1)
	if n == r.each {
		// One addition gets this number, and until it has stored the ring no other
		// generation can fill: so a plain store.
		r.ring.Store(&ring{before: now.before + n, newer: new(generation), older: &now.newer.Histogram})
	}
	return now.before + n
}

// Len returns how many durations the ring holds.
func (r *Recent) Len() int64 {
	now := r.ring.Load()
	n := now.newer.n.Load()
	if now.older != nil {
		n += r.each
	}
	return n
}

// Quantile is [Quantile] of the durations that the ring holds.
func (r *Recent) Quantile(q float64) (d time.Duration, ok bool) {
	now := r.ring.Load()
	if now.older == nil {
		return Quantile(q, &now.newer.Histogram)
	}
	return Quantile(q, &now.newer.Histogram, now.older)
}
