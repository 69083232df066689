package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/internal/chart"
	"github.com/ductile-go/ductile/internal/report"
)

// More circuits than these are not drawn: those that were open for the longest are.
const (
	mostRows  = 80
	mostHeats = 8
)

// stateKeys is the legend. A state differs in its height as well as in its colour.
var stateKeys = []chart.Key{{Name: "open", Class: "open", Block: true}, {Name: "half-open (low)", Class: "half-open", Block: true}}

// circuits makes a heat map of replica and time for each circuit of each client.
func (f frame) circuits(x *Result) []chart.Drawing {
	groups := map[[2]string][]CircuitLine{}
	var order [][2]string
	for _, c := range x.Circuits {
		key := [2]string{c.Client, c.Name}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], c)
	}
	var out []chart.Drawing
	for i, key := range order {
		if i == mostHeats {
			break
		}
		out = append(out, f.heat(key, groups[key]))
	}
	return out
}

func (f frame) heat(key [2]string, lines []CircuitLine) *chart.Heat {
	note := fmt.Sprintf("%s, state by replica", report.Short(key[0]+" "+key[1]))
	kept := lines
	if len(lines) > mostRows {
		kept = slices.Clone(lines)
		slices.SortStableFunc(kept, func(a, b CircuitLine) int { return cmp.Compare(openFor(b), openFor(a)) })
		kept = kept[:mostRows]
		slices.SortStableFunc(kept, func(a, b CircuitLine) int { return a.Replica - b.Replica })
		note += fmt.Sprintf(", %d of %d", mostRows, len(lines))
	}
	h := &chart.Heat{Heading: chart.Heading{Title: "Circuits", Note: note, Keys: stateKeys}, X: f.x, Shades: f.shades}
	opened, first := 0, time.Duration(-1)
	for _, c := range lines {
		for _, s := range c.Spans {
			if s.State != breaker.Closed && (first < 0 || s.From < first) {
				first = s.From
			}
		}
		if openFor(c) > 0 {
			opened++
		}
	}
	h.Summary = fmt.Sprintf("%d of %s opened", opened, report.Count(len(lines), "circuit"))
	if first >= 0 {
		h.Summary += ", the first at " + report.Span(first)
	}
	h.Summary += "."
	for _, c := range kept {
		h.Rows = append(h.Rows, f.row(c, f.end))
	}
	return h
}

// openFor is how long a circuit was not closed.
func openFor(c CircuitLine) (d time.Duration) {
	for _, s := range c.Spans {
		if s.State != breaker.Closed {
			d += max(s.To-s.From, 0)
		}
	}
	return d
}

func (f frame) row(c CircuitLine, end time.Duration) chart.Row {
	r := chart.Row{Label: strconv.Itoa(c.Replica)}
	for _, s := range joined(c.Spans, end/600) {
		if s.State == breaker.Closed {
			continue
		}
		part := 1.0
		if s.State == breaker.HalfOpen {
			part = 0.5
		}
		r.Blocks = append(r.Blocks, chart.Block{
			From: s.From.Seconds(), To: s.To.Seconds(), Class: s.State.String(), Part: part,
			Text: fmt.Sprintf("replica %d: %s from %s to %s", c.Replica, s.State, report.Span(s.From), report.Span(s.To)),
		})
	}
	return r
}

// joined joins what is too short to be seen with what follows: a circuit that probes each
// second for hours has very many stretches.
func joined(spans []Span, least time.Duration) []Span {
	var out []Span
	for _, s := range spans {
		if n := len(out); n > 0 && s.From-out[n-1].To < least && (s.To-s.From < least || s.State == out[n-1].State) {
			out[n-1].To = max(out[n-1].To, s.To)
			continue
		}
		out = append(out, s)
	}
	return out
}
