package sim

import (
	"math"
	"time"
)

// The other limiters are written from the published formulas of Netflix's
// concurrency-limits: Gradient2Limit and VegasLimit, with the defaults of their builders,
// on windows as its WindowedLimit has them.

// algorithm returns the limit after a window of calls, with their mean latency in seconds
// and the most that were in flight.
type algorithm interface {
	update(latency float64, inFlight int) (limit float64)
}

// windowed runs an algorithm on windows of at least 1 s and 10 calls.
type windowed struct {
	algorithm algorithm
	limit     float64
	inFlight  int

	begun time.Duration
	calls int
	sum   float64
	most  int
}

// Enter implements Limiter.
func (w *windowed) Enter(begun time.Duration) (leave func(time.Duration, bool), ok bool) {
	if w.inFlight >= int(w.limit) {
		return nil, false
	}
	w.inFlight++
	inFlight := w.inFlight
	return func(now time.Duration, _ bool) {
		w.inFlight--
		w.calls++
		w.sum += (now - begun).Seconds()
		w.most = max(w.most, inFlight)
		if w.calls >= 10 && now-w.begun >= time.Second {
			w.limit = w.algorithm.update(w.sum/float64(w.calls), w.most)
			w.begun, w.calls, w.sum, w.most = now, 0, 0, 0
		}
	}, true
}

// Limit implements Limiter.
func (w *windowed) Limit() int { return int(w.limit) }

// Gradient2 compares the latency with an average of the latencies of the last ten minutes:
// that is its idea of a latency without load.
func Gradient2(initial int) Limiter {
	g := &gradient2{limit: float64(initial)}
	return &windowed{algorithm: g, limit: g.limit}
}

type gradient2 struct{ limit, long float64 }

func (g *gradient2) update(latency float64, inFlight int) float64 {
	const tolerance, smoothing, queue, memory, most = 1.5, 0.2, 4, 600, 1000
	if g.long == 0 {
		g.long = latency
	}
	g.long += (latency - g.long) * 2 / (memory + 1)
	if g.long/latency > 2 { // the average recovers faster downwards
		g.long *= 0.95
	}
	if float64(inFlight) < g.limit/2 {
		return g.limit
	}
	gradient := max(0.5, min(1, tolerance*g.long/latency))
	g.limit = g.limit*(1-smoothing) + smoothing*(g.limit*gradient+queue)
	g.limit = max(1, min(most, g.limit))
	return g.limit
}

// Vegas estimates the queue from the lowest latency that it has seen. Every 30 windows it
// starts to look for the lowest anew, under the load of that time.
func Vegas(initial int) Limiter {
	v := &vegas{limit: float64(initial)}
	return &windowed{algorithm: v, limit: v.limit}
}

type vegas struct {
	limit, least float64
	windows      int
}

func (v *vegas) update(latency float64, inFlight int) float64 {
	const probe, most = 30, 1000
	if v.windows++; v.least == 0 || latency < v.least || v.windows >= probe {
		v.least, v.windows = latency, 0
		return v.limit
	}
	if float64(inFlight)*2 < v.limit {
		return v.limit
	}
	queue := math.Ceil(v.limit * (1 - v.least/latency))
	log := max(1, math.Floor(math.Log10(v.limit)))
	switch {
	case queue <= log:
		v.limit += 6 * log
	case queue < 3*log:
		v.limit += log
	case queue > 6*log:
		v.limit -= log
	}
	v.limit = max(1, min(most, v.limit))
	return v.limit
}
