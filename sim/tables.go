package sim

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// table is what HTML, text and Markdown show alike.
type table struct {
	caption string
	head    []string
	rows    [][]string
	words   bool // cells are words, not numbers
}

// table compares the time before, during and after the faults.
func (x *Result) table() table {
	t := table{caption: "Before, during and after", head: []string{"", "calls", "success", "load", "p50", "p99", "wasted"}}
	for _, w := range x.stretches() {
		t.rows = append(t.rows, []string{
			w.When, thousands(w.Calls), percent(w.Success()), times(w.Amplification()),
			span(w.P50), span(w.P99), wasted(w.Totals),
		})
	}
	return t
}

// turned returns the table with its columns as rows: it is narrow enough for a phone.
func (t table) turned() table {
	out := table{caption: t.caption, head: []string{t.head[0]}, words: t.words}
	for _, row := range t.rows {
		out.head = append(out.head, row[0])
	}
	for j := 1; j < len(t.head) && len(t.rows) > 0; j++ {
		row := []string{t.head[j]}
		for i := range t.rows {
			row = append(row, t.rows[i][j])
		}
		out.rows = append(out.rows, row)
	}
	return out
}

// wasted is the share of the work that was done for callers that had gone.
func wasted(t Totals) string {
	if t.Served <= 0 {
		return "-"
	}
	return percent(share(t.Wasted, t.Served))
}

// grade is how well a variant did.
type grade struct{ class, shape, word string }

var (
	good = grade{"ok", "M6.2 13.2 1 8l1.9-1.9 3.3 3.4 7-7L15 4.4z", "ok"}
	fair = grade{"warn", "M8 1.5 15.5 14.5H.5zM7 6v4.5h2V6zm0 5.5V13h2v-1.5z", "degraded"}
	bad  = grade{"bad", "M3.2 1.3 8 6.1l4.8-4.8 1.9 1.9L9.9 8l4.8 4.8-1.9 1.9L8 9.9l-4.8 4.8-1.9-1.9L6.1 8 1.3 3.2z", "failed"}
)

// grade is bad for a variant that does not recover or misses an expectation, fair for one
// that suffered, and good for one that did not.
func (x *Result) grade(r *Report) grade {
	for _, c := range r.Checks {
		if !c.OK && c.Variant == x.Variant {
			return bad
		}
	}
	_, _, faulty := r.Scenario.faultSpan()
	switch {
	case faulty && x.Recovery < 0:
		return bad
	case x.unharmed():
		return good
	}
	return fair
}

// pipelines are the policies of the clients, by name.
func (x *Result) pipelines() []fact {
	var out []fact
	for name, text := range x.Pipelines {
		if text != "" {
			out = append(out, fact{short(name), text})
		}
	}
	slices.SortFunc(out, func(a, b fact) int { return strings.Compare(a.Name+"\x00"+a.Text, b.Name+"\x00"+b.Text) })
	return out
}

// sentence writes a verdict with a capital and a full stop.
func sentence(text string) string {
	first, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + text[n:] + "."
}
