package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/ductile-go/ductile/cmd/ductile/internal/analysis"
)

// diagnostic is a finding and where it is.
type diagnostic struct {
	File   string `json:"file,omitempty"` // or the name of a variable
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	analysis.Finding
	Excerpt string `json:"excerpt,omitempty"`
}

// place returns "ductile.yaml:9:5".
func (d diagnostic) place() string {
	switch {
	case d.File == "":
		return cmp.Or(d.Path, "configuration")
	case d.Line == 0:
		return d.File
	case d.Column == 0:
		return fmt.Sprintf("%s:%d", d.File, d.Line)
	}
	return fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column)
}

// sentence returns what is wrong and what to do.
func (d diagnostic) sentence() string {
	if d.Code == faultCode || d.Fix == "" { // the text has the hint, or there is none
		return d.Text
	}
	return d.Text + "; " + d.Fix
}

// result is what check has found.
type result struct {
	Files    []string     `json:"files"`
	OK       bool         `json:"ok"`
	Errors   int          `json:"errors"`
	Warnings int          `json:"warnings"`
	Notes    int          `json:"notes"`
	Findings []diagnostic `json:"findings"`
}

func (r *result) add(all []diagnostic) {
	for _, d := range all {
		switch d.Severity {
		case analysis.Error:
			r.Errors++
		case analysis.Warning:
			r.Warnings++
		default:
			r.Notes++
		}
	}
	r.Findings = append(r.Findings, all...)
}

// sort orders the findings as they stand in the files.
func (r *result) sort() {
	at := func(d diagnostic) int { return slices.Index(r.Files, d.File) }
	slices.SortStableFunc(r.Findings, func(a, b diagnostic) int {
		return cmp.Or(cmp.Compare(at(a), at(b)), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// shown returns the findings to print.
func (r *result) shown(notes bool) []diagnostic {
	return slices.DeleteFunc(slices.Clone(r.Findings), func(d diagnostic) bool { return d.Severity == analysis.Note && !notes })
}

func writeJSON(w io.Writer, v any) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // all types here can be encoded, and Run sees what cannot be written
}
