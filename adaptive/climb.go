package adaptive

import "math"

const (
	// stride is how far the probes are from the base, as a share of it.
	stride = 0.1
	// pairs is how many windows at each probe make a step. One would follow noise.
	pairs = 2
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
// windows at a little more and a little less than its base in turn, and moves the base
// against the slope between the two. It keeps no baseline: both sides of a comparison are
// a few windows old.
type climber struct {
	base        float64
	least, most int
	at          probe
	high, low   side
}

// probe is the limit in force, as seen from the base.
type probe int8

const (
	below probe = iota - 1
	level       // only at first
	above
)

// side is what windows at one probe have measured.
type side struct {
	n      int
	limit  int
	value  float64 // sum
	barren int     // windows without a success
}

func (s *side) add(m measure, limit int) {
	s.n++
	s.limit = limit
	s.value += m.value
	if m.barren {
		s.barren++
	}
}

// measure is what a window says to a climber.
type measure struct {
	counts bool // the limit held calls back throughout the window
	barren bool
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
	m := measure{counts: true, barren: successes <= 0}
	throughput, latency := max(0.5, successes)/took, max(1, sum/calls)
	m.value = weight*math.Log(throughput) - math.Log(latency)
	return m
}

// climb returns the limit of the next window, after a window at limit.
func (c *climber) climb(m measure, limit int) int {
	switch {
	case c.upper() == c.lower(): // Min is Max
		return limit
	case !m.counts: // neither grow nor shrink for idleness
		c.high, c.low = side{}, side{}
		return limit
	case c.at == above:
		c.high.add(m, limit)
	case c.at == below:
		c.low.add(m, limit)
	}
	if c.high.n >= pairs && c.low.n >= pairs {
		c.step()
	}
	if c.at != above {
		c.at = above
		return c.upper()
	}
	c.at = below
	return c.lower()
}

// step moves the base.
func (c *climber) step() {
	hi, lo := c.high, c.low
	c.high, c.low = side{}, side{}
	slope := (hi.value/float64(hi.n) - lo.value/float64(lo.n)) / math.Log(float64(hi.limit)/float64(lo.limit))
	if hi.barren == hi.n && lo.barren == lo.n {
		slope = -1 // no call succeeds: the dependency needs less load, if anything
	}
	c.base *= math.Exp(pace * max(-1, min(1, slope)))
	c.base = max(float64(c.least), min(float64(c.most), c.base))
}

// upper returns the limit above the base, at least 1 more.
func (c *climber) upper() int {
	return min(c.most, max(int(math.Ceil(c.base*(1+stride))), int(c.base)+1))
}

// lower returns the limit below the base, at least 1 less.
func (c *climber) lower() int {
	return max(c.least, min(int(c.base*(1-stride)), int(c.base)-1))
}
