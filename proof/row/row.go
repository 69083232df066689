// Package row is how a search tells what it did: one line of output, which
// cmd/prove gathers into its table and `go test -v` shows as it is.
package row

import (
	"fmt"
	"strings"
)

// Mark begins every line that holds a row.
const Mark = "PROOF\t"

// Row is one line of the table.
type Row struct {
	Searched string // what was looked for, and where
	Amount   string // how much of it
	Seeds    string // what repeats it; empty where nothing is random
	Result   string // "holds", or what was found
}

// Print writes r to standard output.
func (r Row) Print() {
	fmt.Println(Mark + strings.Join([]string{r.Searched, r.Amount, r.Seeds, r.Result}, "\t"))
}

// Parse returns the row that line holds, if it holds one.
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
