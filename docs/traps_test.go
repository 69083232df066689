package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// trap is a line of the tables in traps.md.
type trap struct {
	line  int // in the file
	text  string
	tests []string // "retry.TestX", "proof/storm.TestX"
}

var (
	trapLine = regexp.MustCompile(`^\| (\d+) \| (.+) \| (.*) \|$`)
	testName = regexp.MustCompile("`([^`]*)`")
)

// trapsOf returns the traps in a text, and what is wrong with their numbers.
func trapsOf(text string) (traps []trap, faults []string) {
	for i, line := range strings.Split(text, "\n") {
		m := trapLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		t := trap{line: i + 1, text: m[2]}
		for _, name := range testName.FindAllStringSubmatch(m[3], -1) {
			t.tests = append(t.tests, name[1])
		}
		traps = append(traps, t)
		if want := strconv.Itoa(len(traps)); m[1] != want {
			faults = append(faults, fmt.Sprintf("docs/traps.md:%d: number %s, want %s", t.line, m[1], want))
		}
	}
	return traps, faults
}

// missing returns a line for each trap without a test, and for each test that a trap
// names and that declared does not hold.
func missing(traps []trap, declared map[string]bool) (faults []string) {
	for _, t := range traps {
		if len(t.tests) == 0 {
			faults = append(faults, fmt.Sprintf("docs/traps.md:%d: no test guards %q", t.line, t.text))
		}
		for _, name := range t.tests {
			if !declared[name] {
				faults = append(faults, fmt.Sprintf("docs/traps.md:%d: there is no test %s: was it renamed?", t.line, name))
			}
		}
	}
	return faults
}

// testsIn returns the tests, fuzz targets and benchmarks in all modules below root, as "directory.Name".
func testsIn(t *testing.T, root string) map[string]bool {
	t.Helper()
	declared := map[string]bool{}
	require.NoError(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && name != root:
			return filepath.SkipDir
		case !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(name))
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if ok && fn.Recv == nil && (strings.HasPrefix(fn.Name.Name, "Test") || strings.HasPrefix(fn.Name.Name, "Fuzz") || strings.HasPrefix(fn.Name.Name, "Benchmark")) {
				declared[filepath.ToSlash(dir)+"."+fn.Name.Name] = true
			}
		}
		return err
	}))
	return declared
}

func TestEveryTrapIsGuardedByATestThatExists(t *testing.T) {
	text, err := os.ReadFile("traps.md")
	require.NoError(t, err)
	traps, faults := trapsOf(string(text))
	require.GreaterOrEqual(t, len(traps), 107)
	for _, fault := range append(faults, missing(traps, testsIn(t, ".."))...) {
		t.Error(fault)
	}
}

func TestAMissingTestIsReportedWithItsLine(t *testing.T) {
	traps, faults := trapsOf("# Traps\n\n| # | trap | guarded by |\n|---|---|---|\n| 1 | one | `p.TestA`, `p/q.TestB` |\n| 3 | two |  |\n")
	assert.Equal(t, []string{"docs/traps.md:6: number 3, want 2"}, faults)
	assert.Equal(t, []string{
		"docs/traps.md:5: there is no test p/q.TestB: was it renamed?",
		`docs/traps.md:6: no test guards "two"`,
	}, missing(traps, map[string]bool{"p.TestA": true}))
}
