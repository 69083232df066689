package sim

import (
	"math"
	"time"
)

// recovery computes Result.Recovery. The stretch of a second after a time is bad if fewer
// calls succeed in it than before the faults; the recovery ends after the last bad one.
func (r *record) recovery(warmup, from, to, end time.Duration) time.Duration {
	const stretch = int(time.Second / tenth)
	if to >= end {
		return -1
	}
	well := r.success(int(warmup/tenth), int(from/tenth))
	first := parts(to, tenth)
	last := max(first, len(r.tallies)-stretch) // the last stretch; a shorter one if there is no whole one
	for last >= first && !r.known(last, min(last+stretch, len(r.tallies))) {
		last--
	}
	for i := last; i >= first; i-- {
		if r.bad(well, i, min(i+stretch, len(r.tallies))) {
			if i == last {
				return -1
			}
			return time.Duration(i+1)*tenth - to
		}
	}
	if last < first {
		return -1
	}
	return 0
}

// known reports whether the outcome of half of the calls that begin in [from, to), or more,
// is known.
func (r *record) known(from, to int) bool {
	var calls, open int64
	for _, t := range r.tallies[from:to] {
		calls += int64(t.calls)
		open += int64(t.open)
	}
	return 2*open <= calls
}

// success returns the share of calls that succeed among those that begin in [from, to).
func (r *record) success(from, to int) float64 {
	var calls, succeeded int64
	for _, t := range r.tallies[min(from, to):to] {
		calls += int64(t.calls - t.open)
		succeeded += int64(t.succeeded)
	}
	return share(succeeded, calls)
}

// bad reports whether fewer calls succeed in [from, to) than chance explains if the share
// is well.
func (r *record) bad(well float64, from, to int) bool {
	var calls, failed float64
	for _, t := range r.tallies[from:to] {
		calls += float64(t.calls - t.open)
		failed += float64(t.calls - t.open - t.succeeded)
	}
	expected := calls * (1 - well)
	return failed > expected+calls/100+3*math.Sqrt(expected)
}
