// Package row formats the result of a search as one line of output. cmd/prove collects
// these lines into its table; `go test -v` shows them as they are.
package row

import (
	"fmt"
	"strings"
)

// Mark is the prefix of a line with a row.
const Mark = "PROOF\t"

// Row is one line of the table.
type Row struct {
	Searched string // what was searched
	Amount   string // how much of it
	Seeds    string // the seeds to repeat it; empty if nothing is random
	Result   string // what was found
}

// Print writes r to standard output.
func (r Row) Print() {
	fmt.Println(Mark + strings.Join([]string{r.Searched, r.Amount, r.Seeds, r.Result}, "\t"))
}

// Parse returns the row in a line. It returns false if there is none.
func Parse(line string) (Row, bool) {
	rest, ok := strings.CutPrefix(line, Mark)
	if !ok {
		return Row{}, false
	}
	fields := strings.Split(rest, "\t")
	if len(fields) != 4 {
		return Row{}, false
	}
	return Row{fields[0], fields[1], fields[2], fields[3]}, true
}
