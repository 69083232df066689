package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ductile-go/ductile/proof/row"
)

// table is the rows of a run.
type table struct {
	commit string
	failed bool
	rows   []line
}

// line is a row with the job that made it, the time that the job took, and the commit
// that was searched. Of several rows of a job, only the first has the time.
type line struct {
	job string
	row.Row
	took, commit string
}

func (t *table) add(job string, rows []row.Row, took time.Duration) {
	for i, r := range rows {
		l := line{job: job, Row: r, commit: t.commit}
		if i == 0 {
			l.took = took.Round(100 * time.Millisecond).String()
		}
		t.rows = append(t.rows, l)
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

// update writes t into the file at path. It replaces the rows of the same jobs and keeps
// the others, in the order of jobs.
func (t *table) update(path string, jobs []job) error {
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.WriteFile(path, []byte(t.over(parse(string(old)), jobs).markdown()), 0o644) //nolint:gosec // the file is public
}

// over returns the lines of t, and those of old whose jobs are not in t.
func (t *table) over(old []line, jobs []job) *table {
	var all table
	for _, j := range jobs {
		from := t.rows
		if !slices.ContainsFunc(from, func(l line) bool { return l.job == j.name }) {
			from = old
		}
		for _, l := range from {
			if l.job == j.name && !slices.Contains(all.rows, l) {
				all.rows = append(all.rows, l)
			}
		}
	}
	return &all
}

// parse returns the lines in the output of markdown.
func parse(text string) (lines []line) {
	for l := range strings.Lines(text) {
		cells := strings.Split(strings.TrimSpace(l), "|")
		if len(cells) != 9 || strings.HasPrefix(cells[1], "-") || cells[1] == " search " {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		lines = append(lines, line{cells[1], row.Row{Searched: cells[2], Amount: cells[3], Seeds: cells[4], Result: cells[5]}, cells[6], cells[7]})
	}
	return lines
}

func (t *table) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Results\n\nWritten by `make prove` with %s on %s/%s, %d cores. Each line names the commit that was\n"+
		"searched; `go run ./cmd/prove -only NAME -write RESULTS.md` repeats one search.\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	b.WriteString("| search | searched | how much | seeds | result | took | commit |\n|---|---|---|---|---|---|---|\n")
	for _, r := range t.rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", r.job, r.Searched, r.Amount, r.Seeds, r.Result, r.took, r.commit)
	}
	b.WriteString("\n[mutants.txt](mutants.txt) lists the mutants that make no difference, with reasons. The scores\n" +
		"leave them out. A run of all mutants fails if one of them is killed, or if any other\n" +
		"survives. Those of a race do make a difference, which tests meet by chance: they may do\n" +
		"either.\n")
	return b.String()
}
