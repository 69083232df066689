package sim

import (
	"fmt"
	"io"
	"strings"

	"github.com/ductile-go/ductile/internal/chart"
	"github.com/ductile-go/ductile/internal/report"
)

// table shows the measures of a pair.
func (p pair) table(c *Comparison) report.Table {
	t := report.Table{Head: []string{label(p.name), "old", "new", "change", ""}}
	for _, m := range p.measures(c) {
		word := ""
		switch {
		case m.worse > 0:
			word = "worse"
		case m.worse < 0:
			word = "better"
		}
		t.Rows = append(t.Rows, []string{m.name, m.old, m.new, m.change, word})
	}
	return t
}

// expectations shows those that the change has broken or met.
func (c *Comparison) expectations() report.Table {
	was := map[[2]string]bool{}
	known := map[[2]string]bool{}
	for _, k := range c.Old.Checks {
		key := [2]string{k.Variant, k.Expected}
		was[key], known[key] = k.OK, true
	}
	t := report.Table{Head: []string{report.Result, "expected", "got", "variant", "before"}, Words: true}
	for _, k := range c.New.Checks {
		key := [2]string{k.Variant, k.Expected}
		word, before := report.Good.Word, "-"
		if !k.OK {
			word = report.Bad.Word
		}
		if known[key] && was[key] {
			before = "met"
		} else if known[key] {
			before = "failed"
		}
		t.Rows = append(t.Rows, []string{word, k.Expected, k.Got, label(k.Variant), before})
	}
	return t
}

// notes name the variants that cannot be compared.
func (c *Comparison) notes() []string {
	var out []string
	if len(c.added) > 0 {
		out = append(out, "Only in the new report: "+report.List(c.added)+".")
	}
	if len(c.gone) > 0 {
		out = append(out, "Only in the old report: "+report.List(c.gone)+".")
	}
	return out
}

// plots lay the old lines and the new ones over each other.
func (p pair) plots(c *Comparison) []chart.Drawing {
	f, g := c.Old.frame(), c.New.frame()
	if g.end > f.end {
		f.end, f.x = g.end, g.x
	}
	f.by, f.shades = max(f.by, g.by), g.shades
	before, after := p.old.buckets(f.end), p.new.buckets(f.end)
	both := func(value func(bucket) float64) []chart.Line {
		return []chart.Line{line("old", grey, 1, before, value), line("new", blue, 0, after, value)}
	}
	summary := func(value func(Totals) string) string {
		return "Old: " + p.old.told(value) + " New: " + p.new.told(value)
	}
	loads, latencies := both(loadOf), both(func(b bucket) float64 { return b.P99.Seconds() })
	return []chart.Drawing{
		&chart.Plot{
			Heading: chart.Heading{Title: "Success", Note: "of calls" + f.step(), Summary: summary(func(t Totals) string { return report.Percent(t.Success()) })},
			X:       f.x, Y: hundred(), Shades: f.shown(), Lines: both(successOf),
		},
		&chart.Plot{
			Heading: chart.Heading{Title: "Amplification", Note: "requests per call", Summary: summary(func(t Totals) string { return report.Times(t.Amplification()) })},
			X:       f.x, Y: loadAxis(loads), Shades: f.shades, Lines: loads,
		},
		&chart.Plot{
			Heading: chart.Heading{Title: "p99", Note: "of the time of a call", Summary: summary(func(t Totals) string { return report.Span(t.P99) })},
			X:       f.x, Y: timesAxis(latencies), Shades: f.shades, Lines: latencies,
		},
	}
}

// WriteHTML writes the comparison as one HTML page, as [Report.WriteHTML] does.
func (c *Comparison) WriteHTML(w io.Writer) error {
	var b chart.Writer
	b.Raw("<header><h1>Outage rehearsal, old and new</h1>\n<p class=\"verdict\">%s</p>\n<dl class=\"facts\">", report.Sentence(c.Verdict()))
	for _, f := range c.New.facts() {
		b.Raw("<div><dt>%s</dt><dd>%s</dd></div>\n", f.Name, f.Text)
	}
	b.Raw("</dl></header>\n<main>\n")
	for _, n := range c.notes() {
		b.Raw("<p class=\"note\">%s</p>\n", n)
	}
	if t := c.expectations(); len(t.Rows) > 0 {
		b.Raw("<section><h2>Expectations</h2>\n")
		t.HTML(&b)
		b.Raw("</section>\n")
	}
	for _, p := range c.pairs {
		b.Raw("<section class=\"variant\"><h2>%s</h2><dl class=\"facts\"><div><dt>Old</dt><dd>%s</dd></div><div><dt>New</dt><dd>%s</dd></div></dl>\n",
			label(p.name), report.Sentence(p.old.verdict(c.Old)), report.Sentence(p.new.verdict(c.New)))
		p.table(c).HTML(&b)
		for _, d := range p.plots(c) {
			chart.HTML(&b, d)
		}
		b.Raw("</section>\n")
	}
	b.Raw("</main>\n")
	return chart.Page(w, "Outage rehearsal, old and new: "+c.Verdict(), &b)
}

// WriteText writes the comparison for a terminal.
func (c *Comparison) WriteText(w io.Writer) error {
	var b strings.Builder
	b.WriteString(report.Clean(report.Sentence(c.Verdict())) + "\n")
	for _, p := range c.pairs {
		b.WriteString("\n")
		p.table(c).Text(&b)
	}
	if t := c.expectations(); len(t.Rows) > 0 {
		b.WriteString("\n")
		t.Text(&b)
	}
	for _, n := range c.notes() {
		b.WriteString("\n" + report.Clean(n) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteMarkdown writes the comparison for a page of GitHub, such as a comment on a pull
// request.
func (c *Comparison) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## Outage rehearsal, old and new\n\n**%s**\n", report.Markdown(report.Sentence(c.Verdict())))
	for _, p := range c.pairs {
		p.table(c).Markdown(&b)
	}
	c.expectations().Markdown(&b)
	for _, n := range c.notes() {
		fmt.Fprintf(&b, "\n%s\n", report.Markdown(n))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
