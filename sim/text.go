package sim

import (
	"fmt"
	"io"
	"strings"

	"github.com/ductile-go/ductile/internal/report"
)

// WriteText writes the report for a terminal: the verdict, a table, the success of each
// variant over time, and the expectations.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	b.WriteString(report.Clean(report.Sentence(r.Verdict())) + "\n\n")
	for _, f := range r.facts() {
		fmt.Fprintf(&b, "%-8s %s\n", f.Name, report.Clean(f.Text))
	}
	f := r.frame()
	for _, x := range r.Results {
		fmt.Fprintf(&b, "\n%s: %s\n", report.Clean(label(x.Variant)), report.Clean(x.verdict(r)))
		for _, p := range x.pipelines() {
			fmt.Fprintf(&b, "  %s: %s\n", report.Clean(p.Name), report.Clean(p.Text))
		}
		b.WriteString(x.spark(f))
		x.table().Text(&b)
	}
	if len(r.Checks) > 0 {
		b.WriteString("\n")
		checksTable(r.Checks).Text(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// bars are eighths of a line.
var bars = []rune("▁▂▃▄▅▆▇█")

const sparkWide = 72

// spark draws success over time in one line, and the faults below it.
func (x *Result) spark(f frame) string {
	if len(x.Points) == 0 {
		return ""
	}
	wide := min(sparkWide, len(x.Points))
	var line, below strings.Builder
	for i := range wide {
		from, to := i*len(x.Points)/wide, (i+1)*len(x.Points)/wide
		part := x.Points[from:to]
		s := sum(part)
		s.open = x.open(from, to)
		if s.calls == 0 {
			line.WriteRune(' ')
		} else {
			line.WriteRune(bars[min(max(int(s.success()*7.999), 0), 7)])
		}
		mark := " "
		for _, fault := range f.shades {
			if part[len(part)-1].At.Seconds()+1 > fault.From && part[0].At.Seconds() < max(fault.To, fault.From+1e-9) {
				mark = "^"
			}
		}
		below.WriteString(mark)
	}
	text := fmt.Sprintf("  success 0 to %s\n  %s\n", report.Span(f.end), line.String())
	if faults := strings.TrimRight(below.String(), " "); faults != "" {
		text += "  " + faults + " fault\n"
	}
	return text
}
