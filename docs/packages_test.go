package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTheProgramsOfPackageDocsAreCompiled finds the first program of a package doc, line by
// line, in the tests of the package.
func TestTheProgramsOfPackageDocsAreCompiled(t *testing.T) {
	for _, pkg := range []string{"fake", "keyed", "observe", "policytest", "registry", "sim"} {
		program := firstProgram(t, filepath.Join("..", pkg, "doc.go"))
		require.NotEmpty(t, program, pkg)
		tests, err := filepath.Glob(filepath.Join("..", pkg, "*_test.go"))
		require.NoError(t, err)
		found := false
		for _, test := range tests {
			text, err := os.ReadFile(test) //nolint:gosec // a file of this repository
			require.NoError(t, err)
			found = found || strings.Contains("\n"+trimmed(string(text)), "\n"+program)
		}
		assert.True(t, found, "no test of %s has\n%s", pkg, program)
	}
}

// firstProgram returns the first indented block of a package doc, without indentation.
func firstProgram(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file) //nolint:gosec // a file of this repository
	require.NoError(t, err)
	var block strings.Builder
	for line := range strings.Lines(string(text)) {
		code, ok := strings.CutPrefix(line, "//\t")
		switch blank := line == "//\n"; {
		case ok:
			block.WriteString(code)
		case block.Len() > 0 && blank:
			block.WriteString("\n")
		case block.Len() > 0:
			return strings.TrimRight(trimmed(block.String()), "\n") + "\n"
		}
	}
	return ""
}

// trimmed returns a text with the indentation of each line removed.
func trimmed(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}
