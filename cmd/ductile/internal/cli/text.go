package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ductile-go/ductile/cmd/ductile/internal/analysis"
)

// paint colors text, unless it is false.
type paint bool

// paintOf returns whether to color: on a terminal, unless NO_COLOR is set (no-color.org).
func paintOf(env Env) paint {
	off := func(v string) bool {
		name, value, _ := strings.Cut(v, "=")
		return name == "NO_COLOR" && value != "" || v == "TERM=dumb"
	}
	return paint(env.Terminal && !slices.ContainsFunc(env.Environ, off))
}

const bold = "1"

var severityColors = map[analysis.Severity]string{analysis.Error: "1;31", analysis.Warning: "1;33", analysis.Note: "1;34"}

func (p paint) in(color, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// text prints the findings for a reader, and how many there are.
func (r *result) text(w io.Writer, p paint, notes bool) {
	for _, d := range r.shown(notes) {
		d.text(w, p)
	}
	fmt.Fprintln(w, r.summary(notes))
}

func (d diagnostic) text(w io.Writer, p paint) {
	place := p.in(bold, d.place()+":")
	if d.Code == faultCode { // as Load's error has it
		fmt.Fprintf(w, "%s %s\n", place, d.Text)
	} else {
		fmt.Fprintf(w, "%s %s %s [%s]\n", place, p.in(severityColors[d.Severity], string(d.Severity)+":"), d.Text, d.Code)
	}
	if d.Excerpt != "" {
		fmt.Fprintln(w, d.Excerpt)
	}
	if d.Code != faultCode {
		fmt.Fprintf(w, "    to do: %s\n", d.Fix)
	}
}

// summary counts the findings: "ductile.yaml: 1 error, 2 warnings".
func (r *result) summary(notes bool) string {
	var counts []string
	add := func(n int, noun string) {
		switch {
		case n == 1:
			counts = append(counts, "1 "+noun)
		case n > 1:
			counts = append(counts, fmt.Sprintf("%d %ss", n, noun))
		}
	}
	add(r.Errors, "error")
	add(r.Warnings, "warning")
	if len(counts) == 0 {
		counts = append(counts, "no faults")
	}
	add(r.Notes, "note")
	text := strings.Join(r.Files, ", ") + ": " + strings.Join(counts, ", ")
	if r.Notes > 0 && !notes {
		text += " (--notes shows them)"
	}
	return text
}
