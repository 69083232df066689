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

// docRow is a row of a migration table.
type docRow struct {
	page, library string
	cells         []string
}

func (r docRow) name() string { return r.library + " " + r.cells[0] }

// docRows returns the rows of all migration tables: those of the README, whose first
// cell begins with the library's name, and those of docs/porting.md, whose heading
// names it.
func docRows(t *testing.T) (rows []docRow) {
	t.Helper()
	for page, section := range map[string]string{"../README.md": "## Coming from another library", "../docs/porting.md": ""} {
		data, err := os.ReadFile(page)
		require.NoError(t, err)
		_, text, found := strings.Cut(string(data), section)
		require.True(t, found)
		if section != "" {
			text, _, _ = strings.Cut(text, "\n## ")
		}
		library := ""
		for line := range strings.Lines(text) {
			if heading, ok := strings.CutPrefix(line, "## From "); ok {
				library = strings.TrimSpace(heading)
			}
			if cells := cellsOf(line); cells != nil {
				rows = append(rows, rowOf(t, page, library, cells))
			}
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

func rowOf(t *testing.T, page, library string, cells []string) docRow {
	t.Helper()
	if library == "hand-written helpers" {
		return docRow{page, "a helper", cells}
	}
	for known := range portingRows {
		if rest, ok := strings.CutPrefix(cells[0], known+" "); ok && library == "" {
			return docRow{page, known, append([]string{rest}, cells[1:]...)}
		}
	}
	require.Contains(t, portingRows, library, "%s: %s", page, cells[0])
	return docRow{page, library, cells}
}

func TestPortingTablesHaveTheRowsThatAreRun(t *testing.T) {
	documented := map[string]string{}
	for _, row := range docRows(t) {
		assert.Contains(t, portingRows[row.library], row.cells[0], "%s has a row that no test runs: %s", row.page, row.name())
		if row.page == "../docs/porting.md" {
			assert.NotContains(t, documented, row.name(), "two rows of one name")
			documented[row.name()] = row.page
		}
	}
	for library, rows := range portingRows {
		for row := range rows {
			assert.Contains(t, documented, library+" "+row, "a row that is run is not in docs/porting.md")
		}
	}
}

func TestPortingRowsSayTheSameOnBothPages(t *testing.T) {
	texts := map[string]string{}
	both := 0
	for _, row := range docRows(t) {
		text := strings.Join(row.cells[1:], " | ")
		if before, ok := texts[row.name()]; ok {
			assert.Equal(t, before, text, row.name())
			both++
		}
		texts[row.name()] = text
	}
	assert.Greater(t, both, 20)
}

// aliases are the names that the tests import a library's packages by, where the
// package has the name of one of ours.
var aliases = map[string][2]string{
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
			if i == 0 && row.library == "a helper" {
				continue
			}
			for _, span := range code.FindAllString(cell, -1) {
				want := tokens(strings.Trim(span, "`"))
				alias := aliases[row.library]
				theirs := strings.ReplaceAll(want, " "+alias[0]+" . ", " "+alias[1]+" . ")
				found := i > 0 && strings.Contains(source, want) || strings.Contains(source, theirs)
				assert.True(t, found, "%s: %s: no test has %s", row.page, row.name(), span)
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
