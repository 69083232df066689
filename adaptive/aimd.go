package adaptive

import "math"

// aim is additive increase and multiplicative decrease towards the target (Chiu and Jain,
// "Analysis of the increase and decrease algorithms for congestion avoidance", 1989).
// Clients that use it on one server converge to equal shares. It returns the next limit,
// and whether the limit is pinned at Min.
func (c *Config) aim(w *window) (to int, pinned bool) {
	over := w.isOver(c.Quantile)
	switch {
	case over, w.late.Load() > 0, w.refused.Load() > 0:
		less := int(int64(w.limit) * 9 / 10) // an int of 32 bits cannot hold 9 large limits
		return max(c.Min, less), over && w.limit == c.Min
	case w.reached.Load(): // otherwise the limit would rise through an idle night
		return min(c.Max, w.limit+1), false
	}
	return w.limit, false
}

// isOver reports whether the quantile of the latencies is over the target. A sorted list
// is not needed for that: the quantile is over if fewer than its share of the latencies
// are within the target.
func (w *window) isOver(quantile float64) bool {
	n := w.calls.Load() - w.refused.Load()
	share := math.Ceil(quantile*float64(n) - 1e-9) // 0.7 x 10 is not more than 7
	return float64(n-w.slow.Load()) < share
}
