package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A kind of event that is added is added to its table in docs/observing.md, once.
func TestThePageOfEventsHasEveryKind(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../policy/event.go", nil, 0)
	require.NoError(t, err)
	var kinds []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if of, ok := spec.Type.(*ast.Ident); ok && of.Name == "EventKind" {
			require.Len(t, spec.Values, 1)
			kinds = append(kinds, strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`))
		}
		return true
	})
	require.Greater(t, len(kinds), 15)

	text, err := os.ReadFile("observing.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(text), "| kind | policy | when |\n|---|---|---|\n")
	require.True(t, ok, "the table")
	table, _, _ = strings.Cut(table, "\n\n")
	var rows []string
	for row := range strings.Lines(table) {
		for _, name := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(strings.Split(row, "|")[1], -1) {
			rows = append(rows, name[1])
		}
	}
	slices.Sort(kinds)
	slices.Sort(rows)
	assert.Equal(t, kinds, rows)
}
