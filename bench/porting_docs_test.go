package bench_test

import (
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const portingPage = "../docs/porting.md"

// docRow is a row of a migration table.
type docRow struct {
	library string
	cells   []string
}

func (r docRow) name() string { return r.library + " " + r.cells[0] }

// docRows returns the rows of all tables of the porting page; the heading above a table
// names its library.
func docRows(t *testing.T) (rows []docRow) {
	t.Helper()
	data, err := os.ReadFile(portingPage)
	require.NoError(t, err)
	library := ""
	for line := range strings.Lines(string(data)) {
		if heading, ok := strings.CutPrefix(line, "## From "); ok {
			library = strings.TrimSpace(heading)
		}
		if cells := cellsOf(line); cells != nil {
			rows = append(rows, rowOf(t, library, cells))
		}
	}
	return rows
}

// cellsOf returns the cells of a table's line, or nil for a heading or no row at all.
func cellsOf(line string) (cells []string) {
	line, isRow := strings.CutPrefix(strings.TrimSpace(line), "| ")
	if !isRow || strings.HasPrefix(line, "there |") {
		return nil
	}
	for cell := range strings.SplitSeq(strings.TrimSuffix(line, "|"), " | ") {
		cells = append(cells, strings.TrimSpace(cell))
	}
	return cells
}

func rowOf(t *testing.T, library string, cells []string) docRow {
	t.Helper()
	if library == "hand-written helpers" {
		return docRow{"a helper", cells}
	}
	if !elsewhere[library] {
		require.Contains(t, portingRows, library, "%s: %s", portingPage, cells[0])
	}
	return docRow{library, cells}
}

func TestPortingTablesHaveTheRowsThatAreRun(t *testing.T) {
	documented := map[string]bool{}
	for _, row := range docRows(t) {
		if !elsewhere[row.library] {
			assert.Contains(t, portingRows[row.library], row.cells[0], "a row that no test runs: %s", row.name())
		}
		assert.NotContains(t, documented, row.name(), "two rows of one name")
		documented[row.name()] = true
	}
	for library, rows := range portingRows {
		for row := range rows {
			assert.Contains(t, documented, library+" "+row, "a row that is run is not in docs/porting.md")
		}
	}
}

// TestTheReadmeLeavesPortingToItsPage keeps rows from standing on two pages, where they
// would come to differ.
func TestTheReadmeLeavesPortingToItsPage(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	assert.Contains(t, string(readme), "(docs/porting.md)")
	assert.NotContains(t, string(readme), "| there | here |")
}

// aliases are the names that the tests import a library's packages by, where the
// package has the name of one of ours.
var aliases = map[string][2]string{
	"failsafe-go":           {"bulkhead", "failsafebulkhead"},
	"retry-go":              {"retry", "retrygo"},
	"sethvargo/go-retry":    {"retry", "sethvargo"},
	"eapache/go-resiliency": {"breaker", "eapache"},
}

// TestPortingCodeIsCompiled finds every piece of code in the tables in the source of
// the tests that run the rows, token by token.
func TestPortingCodeIsCompiled(t *testing.T) {
	files, err := filepath.Glob("porting*_test.go")
	require.NoError(t, err)
	source := ""
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		source += tokens(string(data))
	}
	code := regexp.MustCompile("`[^`]+`")
	for _, row := range docRows(t) {
		for i, cell := range row.cells {
			if i == 0 && (row.library == "a helper" || elsewhere[row.library]) {
				continue
			}
			for _, span := range code.FindAllString(cell, -1) {
				want := tokens(strings.Trim(span, "`"))
				alias := aliases[row.library]
				theirs := strings.ReplaceAll(want, " "+alias[0]+" . ", " "+alias[1]+" . ")
				found := i > 0 && strings.Contains(source, want) || strings.Contains(source, theirs)
				assert.True(t, found, "%s: no test has %s", row.name(), span)
			}
		}
	}
}

// tokens returns Go source as its tokens, separated by spaces, without what formatting
// adds: comments, the ends of lines, and commas before them.
func tokens(source string) string {
	var s scanner.Scanner
	fset := token.NewFileSet()
	s.Init(fset.AddFile("", fset.Base(), len(source)), []byte(source), func(token.Position, string) {}, 0)
	var text strings.Builder
	text.WriteString(" ")
	for {
		_, tok, lit := s.Scan()
		switch {
		case tok == token.EOF:
			return strings.NewReplacer(" , }", " }", " , )", " )").Replace(text.String())
		case tok == token.SEMICOLON && lit == "\n":
		case lit != "":
			text.WriteString(lit + " ")
		default:
			text.WriteString(tok.String() + " ")
		}
	}
}
