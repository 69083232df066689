package sim

import (
	"fmt"
	"io"
	"strings"

	"github.com/ductile-go/ductile/internal/report"
)

// WriteMarkdown writes the report for a page of GitHub, such as the summary of a job.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## Outage rehearsal\n\n**%s**\n\n", report.Markdown(report.Sentence(r.Verdict())))
	for _, f := range r.facts() {
		fmt.Fprintf(&b, "- %s: %s\n", f.Name, report.Markdown(f.Text))
	}
	t := report.Table{Head: []string{"variant", "when", "calls", "success", "load", "p50", "p99", "wasted"}}
	for _, x := range r.Results {
		for _, row := range x.table().Rows {
			t.Rows = append(t.Rows, append([]string{label(x.Variant)}, row...))
		}
	}
	t.Markdown(&b)
	if len(r.Results) > 1 {
		b.WriteString("\n")
		for _, x := range r.Results {
			fmt.Fprintf(&b, "- %s **%s**: %s\n", x.grade(r).Emoji, report.Markdown(label(x.Variant)), report.Markdown(x.verdict(r)))
		}
	}
	checksTable(r.Checks).Markdown(&b)
	_, err := io.WriteString(w, b.String())
	return err
}
