package sim

import (
	"math"
	"time"

	"github.com/ductile-go/ductile/internal/histogram"
)

// spread counts durations in the buckets of package histogram. It is smaller than a
// Histogram, as there is one for each second, and not for concurrent use.
type spread struct {
	first   int // the bucket of counts[0]
	counts  []uint32
	longest time.Duration
}

func (s *spread) add(d time.Duration) {
	s.longest = max(s.longest, d)
	*s.at(histogram.Index(d))++
}

// at returns the count of bucket i.
func (s *spread) at(i int) *uint32 {
	switch {
	case len(s.counts) == 0:
		s.first, s.counts = i, make([]uint32, 1, 16)
	case i < s.first:
		wider := make([]uint32, s.first-i+len(s.counts))
		copy(wider[s.first-i:], s.counts)
		s.first, s.counts = i, wider
	}
	for i-s.first >= len(s.counts) {
		s.counts = append(s.counts, 0)
	}
	return &s.counts[i-s.first]
}

func (s *spread) merge(other *spread) {
	s.longest = max(s.longest, other.longest)
	for i, n := range other.counts {
		if n > 0 {
			*s.at(other.first + i) += n
		}
	}
}

func (s *spread) count() (n uint64) {
	for _, c := range s.counts {
		n += uint64(c)
	}
	return n
}

// quantile returns the upper bound of the bucket with the q-quantile, or the longest duration
// if that is shorter: calls that all end at their timeout take no longer than that. It
// returns 0 without durations.
func (s *spread) quantile(q float64) time.Duration {
	total := s.count()
	if total == 0 {
		return 0
	}
	rank := max(1, uint64(math.Ceil(q*float64(total))))
	i, below := 0, uint64(s.counts[0])
	for below < rank {
		i++
		below += uint64(s.counts[i])
	}
	return min(histogram.Upper(s.first+i), s.longest)
}
