package sim

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
)

// WriteText writes the report for a terminal: the verdict, a table, the success of each
// variant over time, and the expectations.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	b.WriteString(clean(sentence(r.Verdict())) + "\n\n")
	for _, f := range r.facts() {
		fmt.Fprintf(&b, "%-8s %s\n", f.Name, clean(f.Text))
	}
	f := r.frame()
	for _, x := range r.Results {
		fmt.Fprintf(&b, "\n%s: %s\n", clean(label(x.Variant)), clean(x.verdict(r)))
		for _, p := range x.pipelines() {
			fmt.Fprintf(&b, "  %s: %s\n", clean(p.Name), clean(p.Text))
		}
		b.WriteString(x.spark(f))
		textTable(&b, x.table())
	}
	if len(r.Checks) > 0 {
		b.WriteString("\n")
		textTable(&b, checksTable(r.Checks))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func checksTable(checks []Check) table {
	t := table{head: []string{"expected", "got", "variant", ""}, words: true}
	for _, c := range checks {
		word := "ok"
		if !c.OK {
			word = "FAILED"
		}
		t.rows = append(t.rows, []string{c.Expected, c.Got, label(c.Variant), word})
	}
	return t
}

func textTable(b *strings.Builder, t table) {
	if len(t.rows) == 0 {
		return
	}
	flags := tabwriter.AlignRight
	if t.words {
		flags = 0
	}
	var lines strings.Builder
	tw := tabwriter.NewWriter(&lines, 0, 0, 2, ' ', flags)
	for _, row := range append([][]string{t.head}, t.rows...) {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = clean(c)
		}
		_, _ = fmt.Fprintf(tw, "  %s\t\n", strings.Join(cells, "\t"))
	}
	_ = tw.Flush() // a Builder does not fail
	for l := range strings.Lines(lines.String()) {
		b.WriteString(strings.TrimRight(l, " \n") + "\n")
	}
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
	text := fmt.Sprintf("  success 0 to %s\n  %s\n", span(f.end), line.String())
	if faults := strings.TrimRight(below.String(), " "); faults != "" {
		text += "  " + faults + " fault\n"
	}
	return text
}

// clean replaces what a terminal would obey.
func clean(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '\uFFFD'
	}, text)
}
