package sim

import (
	"math"
	"time"

	"github.com/ductile-go/ductile/internal/chart"
	"github.com/ductile-go/ductile/internal/report"
)

// mostPoints bounds the points of a line: a run of hours is drawn in longer steps.
const mostPoints = 300

// strides are how many seconds one point of a line may be.
var strides = []int{1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600}

// stride returns how many of n seconds go into one point.
func stride(n int) int {
	for _, s := range strides {
		if n <= s*mostPoints {
			return s
		}
	}
	return (n + mostPoints - 1) / mostPoints
}

// bucket is one point of the lines: the sums of its seconds, the mean of their p50, and the
// worst of the rest.
type bucket struct {
	from, to time.Duration
	Point
	open int64 // of Calls, those that had not ended
}

// success is that of the calls whose outcome is known.
func (b bucket) success() float64 {
	return sums{calls: b.Calls, succeeded: b.Succeeded, open: b.open}.success()
}

func (b bucket) middle() float64 { return (b.from + (b.to-b.from)/2).Seconds() }

func (b bucket) perSecond(n int64) float64 { return float64(n) / max((b.to-b.from).Seconds(), 1e-9) }

func (x *Result) buckets(end time.Duration) []bucket {
	points := x.Points
	by := stride(len(points))
	var all []bucket
	for i := 0; i < len(points); i += by {
		part := points[i:min(i+by, len(points))]
		b := bucket{from: part[0].At, to: part[len(part)-1].At + time.Second, Point: merged(part), open: x.open(i, i+by)}
		if i+by >= len(points) && end > b.from {
			b.to = min(b.to, end)
		}
		all = append(all, b)
	}
	return all
}

func merged(part []Point) Point {
	s := sum(part)
	p := Point{At: part[0].At, Calls: s.calls, Succeeded: s.succeeded, Requests: s.requests, Served: s.served, Wasted: s.wasted}
	mean := 0.0
	for _, q := range part {
		p.P99, p.Queue = max(p.P99, q.P99), max(p.Queue, q.Queue)
		if s.calls > 0 {
			mean += float64(q.P50) * float64(q.Calls) / float64(s.calls)
		}
	}
	p.P50 = time.Duration(mean)
	return p
}

// frame is what the plots of a report have in common.
type frame struct {
	x      chart.Axis
	shades []chart.Shade
	end    time.Duration
	by     int // seconds a point
}

func (r *Report) frame() frame {
	f := frame{end: r.end(), by: 1}
	for _, x := range r.Results {
		f.by = max(f.by, stride(len(x.Points)))
		for _, p := range x.Points {
			f.end = max(f.end, p.At)
		}
	}
	f.x = chart.Time(f.end)
	for _, fault := range r.Scenario.Faults {
		if fault.At < f.end {
			to := min(fault.end(), f.end)
			f.shades = append(f.shades, chart.Shade{From: fault.At.Seconds(), To: to.Seconds(), Label: fault.what()})
		}
	}
	return f
}

// shown returns the shades with their labels drawn, as one plot of each group has them.
// Labels that would overlap are left to the tooltips.
func (f frame) shown() []chart.Shade {
	all := append([]chart.Shade(nil), f.shades...)
	if len(all) == 1 && len([]rune(all[0].Label)) <= 40 {
		all[0].Show = true
	}
	return all
}

// line makes a line of one value of each bucket.
func line(name string, color, dash int, all []bucket, value func(bucket) float64) chart.Line {
	l := chart.Line{Name: name, Color: color, Dash: dash}
	for _, b := range all {
		l.X = append(l.X, b.middle())
		l.Y = append(l.Y, value(b))
	}
	return l
}

// highest returns the highest value of lines, and least the lowest above 0. Both are 0 without any.
func highest(lines ...chart.Line) (most, least float64) {
	for _, l := range lines {
		for _, v := range l.Y {
			if math.IsNaN(v) {
				continue
			}
			most = max(most, v)
			if v > 0 && (least == 0 || v < least) {
				least = v
			}
		}
	}
	return most, least
}

// hits makes the tooltips of a plot, of at most 150 columns.
func hits(all []bucket, text func(bucket) string) []chart.Hit {
	by := (len(all) + 149) / 150
	var out []chart.Hit
	for i := 0; i < len(all); i += max(by, 1) {
		b, last := all[i], all[min(i+by, len(all))-1]
		out = append(out, chart.Hit{From: b.from.Seconds(), To: last.to.Seconds(), Text: "At " + report.Span(b.from) + ": " + text(b)})
	}
	return out
}
