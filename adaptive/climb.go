package adaptive

import (
	"math"
	"math/bits"
)

const (
	// stride is how far the probes are from the base, as a share of it.
	stride = 0.1
	// leastPairs and mostPairs bound how many pairs of windows make a step.
	leastPairs, mostPairs = 2, 8
	// pace is the exponent of a step with a slope of 1: 22 % up, or 18 % down.
	pace = 0.2
	// weight is that of throughput against latency. With 1, as in Kleinrock's power, the
	// slope is 1 below the knee and -1 above it, and the limit stays where a tenth of the
	// throughput is lost. With 3, it is 3 and -1.
	weight = 3
	// busy is the least share of the limit that was in use on average, for a window to count.
	busy = 0.5
)

// climber finds the limit with the best weight x ln throughput - ln latency. It runs
// windows at a little more and a little less than its base in turn, and moves the base up
// the slope between the two. It keeps no baseline: both sides of a comparison are a few
// windows old.
type climber struct {
	base        float64
	least, most int
	at          probe
	halfway     bool // first is half of a pair
	first       measure
	slopes      slopes
	steps       uint
}

// newClimber returns a climber that begins at a limit.
func (c *Config) newClimber(limit int) climber {
	return climber{base: float64(limit), least: c.Min, most: c.Max}
}

// bound sets the bounds, and moves the base within them.
func (c *climber) bound(least, most int) {
	c.least, c.most = least, most
	c.base = max(float64(least), min(float64(most), c.base))
}

// restart forgets the pairs so far, because Reconfigure has changed what they measured.
func (c *climber) restart() { c.at, c.halfway, c.slopes = level, false, slopes{} }

// probe is the limit in force, as seen from the base.
type probe int8

const (
	below probe = iota - 1
	level       // only at first, and after a restart
	above
)

// slopes are those of some pairs.
type slopes struct {
	n            int
	sum, squares float64
}

func (s *slopes) add(slope float64) {
	s.n++
	s.sum += slope
	s.squares += slope * slope
}

func (s *slopes) mean() float64 { return s.sum / float64(s.n) }

// agree reports whether the pairs are a step: their mean is at least its standard error
// away from 0. Two pairs agree if they have the same sign. A pause of the service, or a few
// expensive calls, make one pair say the opposite of the others, and louder.
func (s *slopes) agree() bool {
	if s.n < leastPairs {
		return false
	}
	n, mean := float64(s.n), s.mean()
	variance := max(0, s.squares/n-mean*mean) / (n - 1) // of the mean
	return s.n >= mostPairs || mean*mean >= variance*(1-1e-9)
}

// measure is what a window says to a climber.
type measure struct {
	counts bool // the limit held calls back throughout the window
	barren bool // no call succeeded
	limit  int
	value  float64
}

func (l *Limiter) measure(w *window, now int64) measure {
	calls, took := float64(w.calls.Load()), float64(now-w.begun.Load())
	sum := float64(w.sum.Load())
	// A window that reached its limit once and was idle for an hour has no throughput worth
	// the name. Places that are held by kept values, and by calls of an older limit, are in
	// use as well.
	idle := float64(l.kept.Load() + max(0, w.old-w.gone.Load()))
	inUse := (sum+float64(w.other.Load()))/took + idle
	if !w.reached.Load() || inUse < busy*float64(w.limit) {
		return measure{}
	}
	successes := calls - float64(w.late.Load())
	m := measure{counts: true, barren: successes <= 0, limit: w.limit}
	throughput, latency := max(0.5, successes)/took, max(1, sum/calls)
	m.value = weight*math.Log(throughput) - math.Log(latency)
	return m
}

// climb returns the limit of the next window, after a window at limit.
func (c *climber) climb(m measure, limit int) int {
	switch {
	case c.upper() == c.lower(), // Min is Max
		!m.counts: // neither grow nor shrink for idleness
		c.halfway, c.slopes = false, slopes{}
		return limit
	case c.at == level:
	case !c.halfway:
		c.halfway, c.first = true, m
	default:
		c.pair(m)
	}
	return c.next()
}

// pair ends a pair of windows, and moves the base if the pairs agree. The slope is the same
// whichever of the two was above.
func (c *climber) pair(m measure) {
	c.halfway = false
	if m.limit == c.first.limit { // Reconfigure has made the first probe a bound: 0/0 is no slope
		return
	}
	slope := (m.value - c.first.value) / math.Log(float64(m.limit)/float64(c.first.limit))
	if m.barren && c.first.barren {
		slope = -1 // the dependency needs less load, if anything
	}
	c.slopes.add(slope)
	if !c.slopes.agree() {
		return
	}
	c.base *= math.Exp(pace * max(-1, min(1, c.slopes.mean())))
	c.bound(c.least, c.most)
	c.slopes = slopes{}
	c.steps++
}

// next moves to the other side, or to the first side of a step. A service that pauses
// every second, in step with the windows, would always pause on the same side. So the first
// side changes from step to step in the Thue-Morse sequence, which is in step with nothing.
func (c *climber) next() int {
	switch {
	case c.halfway || c.slopes.n > 0:
		c.at = -c.at
	case bits.OnesCount(c.steps)%2 == 0:
		c.at = above
	default:
		c.at = below
	}
	if c.at == above {
		return c.upper()
	}
	return c.lower()
}

// upper returns the limit above the base, at least 1 more: the base is at least 1, and what
// is above it is rounded up. It is bounded before it becomes an int, which may have 32 bits.
func (c *climber) upper() int {
	return int(min(float64(c.most), math.Ceil(c.base*(1+stride)-1e-9))) // 100 x 1.1 is not more than 110
}

// lower returns the limit below the base, at least 1 less.
func (c *climber) lower() int {
	return max(c.least, min(int(c.base*(1-stride)), int(c.base)-1))
}
