package sim

import (
	"fmt"
	"math"
	"time"

	"github.com/ductile-go/ductile/internal/chart"
	"github.com/ductile-go/ductile/internal/report"
)

// Colours of the lines, one meaning each.
const (
	blue, orange, green, violet, red, teal, brown, grey = 0, 1, 2, 3, 4, 5, 6, 7
)

// panels are the plots of one variant, on one time axis.
func (f frame) panels(x *Result) []chart.Drawing {
	all := x.buckets(f.end)
	out := []chart.Drawing{f.success(x, all), f.load(x, all), f.amplification(x, all), f.latency(x, all), f.queue(x, all)}
	if len(x.Classes) > 0 {
		out = append(out, f.classes(x))
	}
	return append(out, f.circuits(x)...)
}

func (f frame) step() string {
	if f.by == 1 {
		return ""
	}
	return fmt.Sprintf(", in steps of %s", report.Span(time.Duration(f.by)*time.Second))
}

func successOf(b bucket) float64 {
	if b.Calls == 0 {
		return math.NaN()
	}
	return 100 * b.success()
}

func loadOf(b bucket) float64 {
	if b.Calls == 0 {
		return math.NaN()
	}
	return load(b.Requests, b.Calls)
}

func hundred() chart.Axis {
	return chart.Axis{Max: 100, Ticks: []float64{0, 50, 100}, Label: func(v float64) string { return report.Number(v, 0) + " %" }}
}

func (f frame) success(x *Result, all []bucket) *chart.Plot {
	l := line("", green, 0, all, successOf)
	l.Fill = true
	return &chart.Plot{
		Heading: chart.Heading{
			Title: "Success", Note: "of calls, by when they began" + f.step(),
			Summary: x.told(func(t Totals) string { return report.Percent(t.Success()) }),
		},
		X: f.x, Y: hundred(), Shades: f.shown(), Lines: []chart.Line{l},
		Hits: hits(all, func(b bucket) string {
			return fmt.Sprintf("%s of %s calls succeed", report.Percent(b.success()), report.Thousands(b.Calls))
		}),
	}
}

func (f frame) load(x *Result, all []bucket) *chart.Plot {
	lines := []chart.Line{
		line("calls", grey, 2, all, func(b bucket) float64 { return b.perSecond(b.Calls) }),
		line("offered", blue, 0, all, func(b bucket) float64 { return b.perSecond(b.Requests) }),
		line("served", green, 0, all, func(b bucket) float64 { return b.perSecond(b.Served) }),
		line("wasted", red, 1, all, func(b bucket) float64 { return b.perSecond(b.Wasted) }),
	}
	return &chart.Plot{
		Heading: chart.Heading{
			Title: "Load", Note: "requests per second",
			Summary: "Requests offered: " + x.told(func(t Totals) string { return report.Thousands(t.Requests) }) + " Wasted: " + x.told(func(t Totals) string { return report.Thousands(t.Wasted) }),
		},
		X: f.x, Y: countAxis(lines, 10), Shades: f.shades, Lines: lines,
		Hits: hits(all, func(b bucket) string {
			return fmt.Sprintf("%s calls, %s requests offered, %s served, %s wasted a second", rate(b.perSecond(b.Calls)), rate(b.perSecond(b.Requests)), rate(b.perSecond(b.Served)), rate(b.perSecond(b.Wasted)))
		}),
	}
}

func rate(v float64) string {
	if v >= 10 {
		return report.Thousands(int64(math.Round(min(v, 1e15))))
	}
	return report.Number(v, 1)
}

func (f frame) amplification(x *Result, all []bucket) *chart.Plot {
	l := line("", orange, 0, all, loadOf)
	return &chart.Plot{
		Heading: chart.Heading{
			Title: "Amplification", Note: "requests per call",
			Summary: x.told(func(t Totals) string { return report.Times(t.Amplification()) }),
		},
		X: f.x, Y: loadAxis([]chart.Line{l}), Shades: f.shades, Lines: []chart.Line{l},
		Hits: hits(all, func(b bucket) string { return report.Times(load(b.Requests, b.Calls)) + " the calls" }),
	}
}

func loadAxis(lines []chart.Line) chart.Axis {
	most, _ := highest(lines...)
	y := chart.Linear(0, max(most, 2), 3)
	plain := y.Label
	y.Label = func(v float64) string { return plain(v) + "x" }
	return y
}

// latency is logarithmic if the times are further apart than a linear axis can show.
func (f frame) latency(x *Result, all []bucket) *chart.Plot {
	seconds := func(of func(bucket) time.Duration) func(bucket) float64 {
		return func(b bucket) float64 {
			if b.Calls == 0 {
				return math.NaN()
			}
			return of(b).Seconds()
		}
	}
	lines := []chart.Line{
		line("p99", violet, 0, all, seconds(func(b bucket) time.Duration { return b.P99 })),
		line("p50", teal, 1, all, seconds(func(b bucket) time.Duration { return b.P50 })),
	}
	return &chart.Plot{
		Heading: chart.Heading{
			Title: "Time of a call", Note: "failed ones included",
			Summary: "p50: " + x.told(func(t Totals) string { return report.Span(t.P50) }) + " p99: " + x.told(func(t Totals) string { return report.Span(t.P99) }),
		},
		X: f.x, Y: timesAxis(lines), Shades: f.shades, Lines: lines,
		Hits: hits(all, func(b bucket) string { return fmt.Sprintf("p50 %s, p99 %s", report.Span(b.P50), report.Span(b.P99)) }),
	}
}

func timesAxis(lines []chart.Line) chart.Axis {
	most, least := highest(lines...)
	label := func(v float64) string { return report.Span(time.Duration(math.Round(v*1e6)) * time.Microsecond) }
	if least > 0 && most/least > 20 {
		return chart.Decades(max(least, 1e-6), most, label)
	}
	y := chart.Linear(0, most, 3)
	y.Label = label
	return y
}

func (f frame) queue(x *Result, all []bucket) *chart.Plot {
	lines := []chart.Line{line("", blue, 0, all, func(b bucket) float64 { return float64(b.Queue) })}
	lines[0].Fill = true
	most, _ := highest(lines...)
	note := "requests that wait"
	if n := len(x.Services); n > 1 && n <= 8 {
		lines = nil
		for i, s := range x.Services {
			lines = append(lines, queueLine(report.Short(s.Name), i, s, f.by))
		}
		most, _ = highest(lines...)
	} else if n > 8 {
		note += fmt.Sprintf(", in all %d services", n)
	}
	return &chart.Plot{
		Heading: chart.Heading{Title: "Queue", Note: note, Summary: "At most " + report.Thousands(int64(most)) + " wait."},
		X:       f.x, Y: countAxis(lines, 4), Shades: f.shades, Lines: lines, Tall: 70,
		Hits: hits(all, func(b bucket) string { return report.Thousands(int64(b.Queue)) + " requests wait" }),
	}
}

// countAxis goes from 0 to the highest value, and at least to least.
func countAxis(lines []chart.Line, least float64) chart.Axis {
	most, _ := highest(lines...)
	y := chart.Linear(0, max(most, least), 3)
	y.Label = func(v float64) string { return report.Thousands(int64(math.Round(min(v, 1e15)))) }
	return y
}

// queueLine is the queue of one service. Its points are seconds from 0 on.
func queueLine(name string, i int, s ServiceLine, by int) chart.Line {
	l := chart.Line{Name: name, Color: i % 8, Dash: i % 3}
	for at := 0; at < len(s.Points); at += by {
		part := s.Points[at:min(at+by, len(s.Points))]
		most := 0
		for _, p := range part {
			most = max(most, p.Queue)
		}
		l.X = append(l.X, float64(at)+float64(len(part))/2)
		l.Y = append(l.Y, float64(most))
	}
	return l
}

func (f frame) classes(x *Result) *chart.Plot {
	p := &chart.Plot{
		Heading: chart.Heading{Title: "Success of classes", Note: "of calls"},
		X:       f.x, Y: hundred(), Shades: f.shades,
	}
	for i, c := range x.Classes {
		l := chart.Line{Name: report.Short(c.Client + " " + c.Name), Color: i % 8, Dash: i % 3}
		var calls, succeeded int64
		for at := 0; at < len(c.Points); at += f.by {
			part := c.Points[at:min(at+f.by, len(c.Points))]
			var n, ok int64
			for _, p := range part {
				n, ok = n+p.Calls, ok+p.Succeeded
			}
			calls, succeeded = calls+n, succeeded+ok
			v := math.NaN()
			if n > 0 {
				v = 100 * share(ok, n)
			}
			l.X, l.Y = append(l.X, float64(at)+float64(len(part))/2), append(l.Y, v)
		}
		p.Lines = append(p.Lines, l)
		p.Summary += fmt.Sprintf("%s: %s. ", l.Name, report.Percent(share(succeeded, calls)))
	}
	return p
}

// told writes a value before, during and after the faults.
func (x *Result) told(value func(Totals) string) string {
	text := ""
	for _, w := range x.stretches() {
		if text != "" {
			text += ", "
		}
		text += value(w.Totals) + " " + w.When
	}
	return text + "."
}

// stretch is a part of a run.
type stretch struct {
	When string
	Totals
}

// stretches are those in which there were calls.
func (x *Result) stretches() []stretch {
	var all []stretch
	for _, w := range []stretch{{"before", x.Before}, {"during", x.During}, {"after", x.After}} {
		if w.Calls > 0 || w.Requests > 0 {
			all = append(all, w)
		}
	}
	return all
}
