package sim

import (
	"slices"
	"strings"

	"github.com/ductile-go/ductile/internal/report"
)

// table compares the time before, during and after the faults.
func (x *Result) table() report.Table {
	t := report.Table{Caption: "Before, during and after", Head: []string{"", "calls", "success", "load", "p50", "p99", "wasted"}}
	for _, w := range x.stretches() {
		t.Rows = append(t.Rows, []string{
			w.When, report.Thousands(w.Calls), report.Percent(w.Success()), report.Times(w.Amplification()),
			report.Span(w.P50), report.Span(w.P99), wasted(w.Totals),
		})
	}
	return t
}

// checksTable shows the expectations.
func checksTable(checks []Check) report.Table {
	t := report.Table{Head: []string{report.Result, "expected", "got", "variant"}, Words: true}
	for _, c := range checks {
		word := report.Good.Word
		if !c.OK {
			word = report.Bad.Word
		}
		t.Rows = append(t.Rows, []string{word, c.Expected, c.Got, label(c.Variant)})
	}
	return t
}

// wasted is the share of the work that was done for callers that had gone.
func wasted(t Totals) string {
	if t.Served <= 0 {
		return "-"
	}
	return report.Percent(share(t.Wasted, t.Served))
}

// grade is bad for a variant that does not recover or misses an expectation, fair for one
// that suffered, and good for one that did not.
func (x *Result) grade(r *Report) report.Grade {
	for _, c := range r.Checks {
		if !c.OK && c.Variant == x.Variant {
			return report.Bad
		}
	}
	_, _, faulty := r.Scenario.faultSpan()
	switch {
	case faulty && x.Recovery < 0:
		return report.Bad
	case x.unharmed() && !x.slower():
		return report.Good
	}
	return report.Fair
}

// pipelines are the policies of the clients, by name.
func (x *Result) pipelines() []fact {
	var out []fact
	for name, text := range x.Pipelines {
		if text != "" {
			out = append(out, fact{report.Short(name), text})
		}
	}
	slices.SortFunc(out, func(a, b fact) int { return strings.Compare(a.Name+"\x00"+a.Text, b.Name+"\x00"+b.Text) })
	return out
}
