package report

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/ductile-go/ductile/internal/chart"
)

// Table is rows under a head. The first column names the rows.
type Table struct {
	Caption string
	Head    []string
	Rows    [][]string
	Words   bool // cells are words, not numbers
	Wide    bool // too wide for a phone: there each row is a list
}

// Turned returns the table with its columns as rows: it may be narrow enough for a phone.
func (t Table) Turned() Table {
	out := Table{Caption: t.Caption, Head: []string{t.Head[0]}, Words: t.Words}
	for _, row := range t.Rows {
		out.Head = append(out.Head, row[0])
	}
	for j := 1; j < len(t.Head) && len(t.Rows) > 0; j++ {
		row := []string{t.Head[j]}
		for i := range t.Rows {
			row = append(row, t.Rows[i][j])
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// Result heads a column of the words of a [Grade], which get its mark.
const Result = "result"

// HTML writes the table, or nothing if it has no rows.
func (t Table) HTML(b *chart.Writer) {
	if len(t.Rows) == 0 {
		return
	}
	class := "numbers"
	if t.Words {
		class = "words"
	}
	if t.Wide {
		class += " wide"
	}
	b.Raw(`<table class="%s">`, class)
	if t.Caption != "" {
		b.Raw(`<caption>%s</caption>`, t.Caption)
	}
	b.Raw("<thead><tr>")
	for _, h := range t.Head {
		if h == "" {
			b.Raw("<td></td>") // a head without text is no head
			continue
		}
		b.Raw(`<th scope="col">%s</th>`, h)
	}
	b.Raw("</tr></thead><tbody>\n")
	for _, row := range t.Rows {
		for j, cell := range row {
			if j == 0 {
				b.Raw(`<tr><th scope="row">`)
				if t.Head[0] == Result {
					gradeOf(cell).HTML(b)
				}
				b.Raw(`%s</th>`, cell)
				continue
			}
			b.Raw(`<td data-label="%s">%s</td>`, t.Head[j], cell)
		}
		b.Raw("</tr>\n")
	}
	b.Raw("</tbody></table>\n")
}

// Text writes the table for a terminal, indented by two, or nothing if it has no rows.
func (t Table) Text(b *strings.Builder) {
	if len(t.Rows) == 0 {
		return
	}
	flags, indent := tabwriter.AlignRight, "" // its padding is on the left
	if t.Words {
		flags, indent = 0, "  "
	}
	var lines strings.Builder
	tw := tabwriter.NewWriter(&lines, 0, 0, 2, ' ', flags)
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = Clean(c)
		}
		_, _ = fmt.Fprintf(tw, "%s%s\t\n", indent, strings.Join(cells, "\t"))
	}
	_ = tw.Flush() // a Builder does not fail
	for l := range strings.Lines(lines.String()) {
		b.WriteString(strings.TrimRight(l, " \n") + "\n")
	}
}

// Markdown writes the table as GitHub's, after an empty line, or nothing if it has no rows.
func (t Table) Markdown(b *strings.Builder) {
	if len(t.Rows) == 0 {
		return
	}
	rule := " ---: |"
	if t.Words {
		rule = " --- |"
	}
	b.WriteString("\n")
	t.markdownRow(b, t.Head)
	b.WriteString("| --- |" + strings.Repeat(rule, len(t.Head)-1) + "\n")
	for _, r := range t.Rows {
		t.markdownRow(b, r)
	}
}

func (t Table) markdownRow(b *strings.Builder, cells []string) {
	b.WriteString("|")
	for i, c := range cells {
		b.WriteString(" ")
		if g := gradeOf(c); i == 0 && t.Head[0] == Result && g.Emoji != "" {
			b.WriteString(g.Emoji + " ")
		}
		b.WriteString(Markdown(c) + " |")
	}
	b.WriteString("\n")
}
