package sim

import (
	"fmt"
	"io"
	"time"

	"github.com/ductile-go/ductile/internal/chart"
	"github.com/ductile-go/ductile/internal/report"
)

// WriteHTML writes the report as one HTML page: a verdict in a sentence, then the plots and
// tables of each variant. The page loads nothing, runs no script, follows the system's dark
// mode, and fits a phone and paper. The same report gives the same bytes.
func (r *Report) WriteHTML(w io.Writer) error {
	var b chart.Writer
	b.Raw("<header><h1>Outage rehearsal</h1>\n<p class=\"verdict\">%s</p>\n<dl class=\"facts\">", report.Sentence(r.Verdict()))
	for _, f := range r.facts() {
		b.Raw("<div><dt>%s</dt><dd>%s</dd></div>\n", f.Name, f.Text)
	}
	b.Raw("</dl></header>\n<main>\n")
	f := r.frame()
	if len(r.Results) > 1 {
		r.overview(&b, f)
	}
	if len(r.Checks) > 0 {
		b.Raw("<section><h2>Expectations</h2>\n")
		checksTable(r.Checks).HTML(&b)
		b.Raw("</section>\n")
	}
	for i, x := range r.Results {
		r.variant(&b, f, i, x)
	}
	b.Raw("</main>\n<footer>Times are virtual. The same scenario with seed %d gives the same report.%s</footer>\n", r.Scenario.Seed, f.resolution())
	return chart.Page(w, "Outage rehearsal: "+r.Verdict(), &b)
}

// resolution says how long runs are drawn.
func (f frame) resolution() string {
	if f.by == 1 {
		return ""
	}
	return fmt.Sprintf(" Each point of a line is %s: the mean of p50, the worst second of p99 and of queues.", report.Span(time.Duration(f.by)*time.Second))
}

// overview lists the variants and lays their success over each other.
func (r *Report) overview(b *chart.Writer, f frame) {
	b.Raw("<section><h2>All variants</h2>\n<ul class=\"all\">\n")
	for i, x := range r.Results {
		b.Raw(`<li><a href="#v%d">%s</a><span>`, i+1, label(x.Variant))
		x.grade(r).HTML(b)
		b.Raw("%s</span></li>\n", report.Sentence(x.verdict(r)))
	}
	b.Raw("</ul>\n")
	for _, p := range r.overlays(f) {
		chart.HTML(b, p)
	}
	b.Raw("</section>\n")
}

// overlays are the plots that lay all variants over each other.
func (r *Report) overlays(f frame) []chart.Drawing {
	p := &chart.Plot{Heading: chart.Heading{Title: "Success", Note: "of calls" + f.step()}, X: f.x, Y: hundred(), Shades: f.shown(), Tall: 130}
	q := &chart.Plot{Heading: chart.Heading{Title: "Amplification", Note: "requests per call"}, X: f.x, Shades: f.shades}
	for i, x := range r.Results {
		all := x.buckets(f.end)
		name := report.Short(label(x.Variant))
		p.Lines = append(p.Lines, line(name, i%8, (i/2)%3, all, successOf))
		q.Lines = append(q.Lines, line(name, i%8, (i/2)%3, all, loadOf))
		p.Summary += name + ": " + x.told(func(t Totals) string { return report.Percent(t.Success()) }) + " "
		q.Summary += name + ": " + x.told(func(t Totals) string { return report.Times(t.Amplification()) }) + " "
	}
	q.Y = loadAxis(q.Lines)
	return []chart.Drawing{p, q}
}

// variant writes the section of one variant.
func (r *Report) variant(b *chart.Writer, f frame, i int, x *Result) {
	b.Raw(`<section class="variant" id="v%d"><h2>%s</h2><p class="verdict">`, i+1, label(x.Variant))
	x.grade(r).HTML(b)
	b.Raw("%s</p>\n", report.Sentence(x.verdict(r)))
	if all := x.pipelines(); len(all) > 0 {
		b.Raw(`<dl class="facts">`)
		for _, p := range all {
			b.Raw("<div><dt>%s</dt><dd><code>%s</code></dd></div>\n", p.Name, p.Text)
		}
		b.Raw("</dl>\n")
	}
	x.table().Turned().HTML(b)
	for _, p := range f.panels(x) {
		chart.HTML(b, p)
	}
	b.Raw("</section>\n")
}

func label(variant string) string {
	if variant == "" {
		return "without policies"
	}
	return report.Short(variant)
}
