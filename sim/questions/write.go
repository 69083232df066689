package questions

import (
	"fmt"
	"io"
	"strings"

	"github.com/ductile-go/ductile/internal/chart"
	"github.com/ductile-go/ductile/internal/report"
)

// answer is what all answers have in common.
type answer interface {
	Verdict() string
	table() report.Table
	plots() []chart.Drawing
}

func writeHTML(w io.Writer, title string, a answer) error {
	var b chart.Writer
	b.Raw("<header><h1>%s</h1>\n<p class=\"verdict\">%s</p></header>\n<main><section>\n", title, report.Sentence(a.Verdict()))
	for _, d := range a.plots() {
		chart.HTML(&b, d)
	}
	b.Raw("</section>\n<section class=\"wide\">\n")
	a.table().HTML(&b)
	b.Raw("</section></main>\n")
	return chart.Page(w, title+": "+a.Verdict(), &b)
}

func writeText(w io.Writer, a answer) error {
	var b strings.Builder
	b.WriteString(report.Clean(report.Sentence(a.Verdict())) + "\n\n")
	a.table().Text(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeMarkdown(w io.Writer, title string, a answer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n**%s**\n", report.Markdown(title), report.Markdown(report.Sentence(a.Verdict())))
	a.table().Markdown(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteHTML writes the answer as one page with plots, as [sim.Report.WriteHTML] does.
func (s *Swept) WriteHTML(w io.Writer) error { return writeHTML(w, "Sweep of "+s.name(), s) }

// WriteText writes the answer for a terminal.
func (s *Swept) WriteText(w io.Writer) error { return writeText(w, s) }

// WriteMarkdown writes the answer for a page of GitHub.
func (s *Swept) WriteMarkdown(w io.Writer) error { return writeMarkdown(w, "Sweep of "+s.name(), s) }

const survivalTitle = "Highest utilization that survives"

// WriteHTML writes the answer as one page with plots, as [sim.Report.WriteHTML] does.
func (s *Survival) WriteHTML(w io.Writer) error { return writeHTML(w, survivalTitle, s) }

// WriteText writes the answer for a terminal.
func (s *Survival) WriteText(w io.Writer) error { return writeText(w, s) }

// WriteMarkdown writes the answer for a page of GitHub.
func (s *Survival) WriteMarkdown(w io.Writer) error { return writeMarkdown(w, survivalTitle, s) }

const tornadoTitle = "Which setting matters"

// WriteHTML writes the answer as one page with plots, as [sim.Report.WriteHTML] does.
func (s *Sensitivity) WriteHTML(w io.Writer) error { return writeHTML(w, tornadoTitle, s) }

// WriteText writes the answer for a terminal.
func (s *Sensitivity) WriteText(w io.Writer) error { return writeText(w, s) }

// WriteMarkdown writes the answer for a page of GitHub.
func (s *Sensitivity) WriteMarkdown(w io.Writer) error { return writeMarkdown(w, tornadoTitle, s) }
