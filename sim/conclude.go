package sim

import (
	"maps"
	"time"
)

// conclude returns the result. interrupted is the time until which it reaches, 0 for the
// end of the run.
func (w *world) conclude(interrupted time.Duration) *Result {
	s, x := w.scenario, w.result
	end := s.Duration
	if interrupted > 0 {
		end = interrupted
	}
	w.record.cut(end)
	x.seconds = w.record.bins
	for w.record.ticked < len(x.seconds) {
		w.sample()
	}
	w.points()
	w.lineUp(end)
	from, to, faulty := s.faultSpan()
	if !faulty || from >= end {
		x.Before = x.within(s.Warmup, end)
	} else {
		x.Before = x.within(s.Warmup, from)
		x.During = x.Between(from, min(to, end))
		x.After = x.within(min(to, end), end)
		x.Recovery = w.record.recovery(s.Warmup, from, to, end)
	}
	x.Verdict = verdictOf(s, x, interrupted)
	return x
}

// within returns the totals of the whole seconds in a stretch; the last second of the run
// counts as whole.
func (x *Result) within(from, to time.Duration) Totals {
	first := parts(from, time.Second)
	last := int(to / time.Second)
	if to%time.Second != 0 && last+1 == len(x.seconds) {
		last++
	}
	first = min(first, len(x.seconds))
	return totals(x.seconds[first:max(first, min(last, len(x.seconds)))])
}

func (w *world) points() {
	x := w.result
	x.Points = make([]Point, 0, len(x.seconds))
	for i := range x.seconds {
		b := &x.seconds[i]
		x.Points = append(x.Points, Point{
			At: time.Duration(i) * time.Second, Calls: b.calls, Succeeded: b.succeeded,
			Requests: b.requests, Served: b.served, Wasted: b.wasted, Queue: b.queue,
			P50: b.times.quantile(0.5), P99: b.times.quantile(0.99),
		})
	}
}

// lineUp adds services and classes, and ends the circuits' lines at the end.
func (w *world) lineUp(end time.Duration) {
	x, n := w.result, len(w.result.seconds)
	for _, h := range w.services {
		x.Services = append(x.Services, ServiceLine{Name: h.name, Points: h.points[:n]})
	}
	for _, c := range w.clients {
		for i, class := range c.Classes {
			x.Classes = append(x.Classes, ClassLine{Client: c.Name, Name: class.Name, Priority: class.Priority, Points: c.classes[i][:n]})
		}
	}
	for i := range x.Circuits {
		l := &x.Circuits[i]
		for len(l.Spans) > 0 && l.Spans[len(l.Spans)-1].From >= end {
			l.Spans = l.Spans[:len(l.Spans)-1]
		}
		if k := len(l.Spans); k > 0 {
			l.Spans[k-1].To = min(l.Spans[k-1].To, end)
		}
	}
	if len(x.Pipelines) == 0 {
		x.Pipelines = nil
	}
	x.Pipelines = maps.Clone(x.Pipelines)
}
