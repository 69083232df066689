package storm

import (
	"slices"
	"time"
)

// history is the limits that a gate had, and how many were inside as each instant began to admit.
type history struct {
	limits []limitAt
	peaks  []limitAt
}

type limitAt struct {
	at time.Time
	n  int
}

func (h *history) set(at time.Time, limit int) { h.limits = append(h.limits, limitAt{at, limit}) }

// enter notes that n are inside after an admission. Those of one instant may be admitted under
// each limit of that instant, so they are judged in the end.
func (h *history) enter(at time.Time, n int) {
	if k := len(h.peaks); k > 0 && h.peaks[k-1].at.Equal(at) {
		h.peaks[k-1].n = max(h.peaks[k-1].n, n)
		return
	}
	h.peaks = append(h.peaks, limitAt{at, n})
}

// exceeded returns the first peak that was above every limit of its instant.
func (h *history) exceeded() (peak limitAt, limit int, is bool) {
	slices.SortStableFunc(h.limits, func(a, b limitAt) int { return a.at.Compare(b.at) })
	for _, p := range h.peaks {
		most := 0
		for _, l := range h.limits {
			switch {
			case l.at.Before(p.at):
				most = l.n
			case l.at.Equal(p.at):
				most = max(most, l.n)
			}
		}
		if p.n > most {
			return p, most, true
		}
	}
	return peak, 0, false
}

// rate is that of a rate limiter, a second.
type rate struct{ limit, burst int }

// overrun returns by how much admissions were ahead of the rate: 0 if each window has at most
// burst + its share.
func (r rate) overrun(admitted []time.Time) (most time.Duration) {
	cost := time.Second / time.Duration(r.limit)
	var full time.Time // when the bucket is full again
	for _, at := range admitted {
		if full.Before(at) {
			full = at
		}
		full = full.Add(cost)
		most = max(most, full.Sub(at)-time.Duration(r.burst)*cost)
	}
	return most
}
