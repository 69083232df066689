package main

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ductile-go/ductile/proof/row"
)

// table is all rows of a run.
type table struct {
	short  bool
	only   string // the jobs that were run, if not all
	failed bool
	rows   []timed
	equal  []equal
}

// timed is a row with the time that its job took; jobs with more than one row
// show it at the first.
type timed struct {
	row.Row
	took string
}

// equal is a mutant that makes no difference, and why.
type equal struct{ mutant, reason string }

// noDifference returns those that output, of cmd/mutate, lists.
func noDifference(output string) (found []equal) {
	for _, line := range strings.Split(output, "\n") {
		if rest, ok := strings.CutPrefix(line, "no difference\t"); ok {
			mutant, reason, _ := strings.Cut(rest, "\t")
			found = append(found, equal{mutant, reason})
		}
	}
	return found
}

func (t *table) add(rows []row.Row, took time.Duration) {
	for i, r := range rows {
		line := timed{Row: r}
		if i == 0 {
			line.took = took.Round(100 * time.Millisecond).String()
		}
		t.rows = append(t.rows, line)
	}
}

func (t *table) text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SEARCHED\tHOW MUCH\tSEEDS\tRESULT\tTOOK")
	for _, r := range t.rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Searched, r.Amount, r.Seeds, r.Result, r.took)
	}
	_ = w.Flush() // to a strings.Builder, which cannot fail
	return b.String()
}

func (t *table) markdown() string {
	var b strings.Builder
	how := "make prove"
	if t.short {
		how += " SHORT=1"
	}
	if t.only != "" {
		how = "go run ./cmd/prove -only " + t.only
	}
	fmt.Fprintf(&b, "# Results\n\nWritten by `%s` with %s on %s/%s, %d cores.\n\n",
		how, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	b.WriteString("| searched | how much | seeds | result | took |\n|---|---|---|---|---|\n")
	for _, r := range t.rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.Searched, r.Amount, r.Seeds, r.Result, r.took)
	}
	t.listEqual(&b)
	return b.String()
}

// listEqual writes the mutants that make no difference, by the reason.
func (t *table) listEqual(b *strings.Builder) {
	if len(t.equal) == 0 {
		return
	}
	b.WriteString("\n## Mutants that make no difference\n\nThe scores leave them out.\n")
	mutants := map[string][]string{}
	for _, e := range t.equal {
		mutants[e.reason] = append(mutants[e.reason], e.mutant)
	}
	for _, reason := range slices.Sorted(maps.Keys(mutants)) {
		slices.Sort(mutants[reason])
		fmt.Fprintf(b, "\n%s:\n\n```\n%s\n```\n", reason, strings.Join(mutants[reason], "\n"))
	}
}
