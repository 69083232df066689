package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	// A command stands between backquotes, where it may be wrapped, or is a line of a block.
	quoted = regexp.MustCompile("`([^`]+)`")
	block  = regexp.MustCompile(`(?m)^    (.+)$`)
	fence  = regexp.MustCompile("(?m)^ *```.*$")

	makes      = regexp.MustCompile(`^make ([a-z-]+)((?:\s+[A-Z]+=(?:'[^']*'|\S*))*)`)
	parameters = regexp.MustCompile(`([A-Z]+)=('[^']*'|\S*)`)
	patterns   = regexp.MustCompile(`\s-(?:run|bench) ('[^']*'|\S+)`)
)

// makefile is what can be asked of make: its targets, and the parameters that they take.
type makefile struct {
	targets, parameters map[string]bool
}

func readMakefile(t *testing.T, file string) makefile {
	t.Helper()
	text, err := os.ReadFile(file) //nolint:gosec // a file of this repository
	require.NoError(t, err)
	m := makefile{targets: map[string]bool{}, parameters: map[string]bool{}}
	for _, target := range regexp.MustCompile(`(?m)^([a-z-]+):[^=\n]*##`).FindAllStringSubmatch(string(text), -1) {
		m.targets[target[1]] = true
	}
	for _, parameter := range regexp.MustCompile(`(?m)^([A-Z]+) :=`).FindAllStringSubmatch(string(text), -1) {
		m.parameters[parameter[1]] = true
	}
	return m
}

// faults says what make would not understand of the commands in a text, and which patterns of
// tests and benchmarks fit none that is declared.
func (m makefile) faults(text string, declared map[string]bool) []string {
	var faults []string
	for _, command := range commandsOf(text) {
		asked := makes.FindStringSubmatch(command)
		if asked != nil && !m.targets[asked[1]] {
			faults = append(faults, fmt.Sprintf("%q: make has no target %s", command, asked[1]))
		}
		var wanted []string
		if asked != nil {
			for _, p := range parameters.FindAllStringSubmatch(asked[2], -1) {
				if !m.parameters[p[1]] {
					faults = append(faults, fmt.Sprintf("%q: no target has a parameter %s", command, p[1]))
				}
				if p[1] == "BENCH" {
					wanted = append(wanted, p[2])
				}
			}
		}
		if strings.Contains(command, "go test ") {
			for _, p := range patterns.FindAllStringSubmatch(command, -1) {
				wanted = append(wanted, p[1])
			}
		}
		for _, pattern := range wanted {
			if !fits(pattern, declared) {
				faults = append(faults, fmt.Sprintf("%q: no test and no benchmark fits %s", command, pattern))
			}
		}
	}
	return faults
}

func commandsOf(text string) []string {
	text = fence.ReplaceAllString(text, "")
	var commands []string
	for _, found := range append(quoted.FindAllStringSubmatch(text, -1), block.FindAllStringSubmatch(text, -1)...) {
		command := strings.Join(strings.Fields(found[1]), " ")
		if strings.HasPrefix(command, "make ") || strings.Contains(command, "go test ") {
			commands = append(commands, command)
		}
	}
	return commands
}

// fits reports whether a pattern of go test, which may be quoted, fits one of the functions.
// "^$" and "-" are there to fit none.
func fits(pattern string, declared map[string]bool) bool {
	pattern = strings.ReplaceAll(strings.Trim(pattern, "'"), `\|`, "|") // as in a table
	if pattern == "^$" || pattern == "-" {
		return true
	}
	function := regexp.MustCompile(pattern)
	for name := range declared {
		if function.MatchString(name) {
			return true
		}
	}
	return false
}

func TestEveryCommandOfTheDocsCanBeRun(t *testing.T) {
	m := readMakefile(t, "../Makefile")
	declared := map[string]bool{}
	for name := range testsIn(t, "..") {
		declared[name[strings.LastIndex(name, ".")+1:]] = true
	}
	commands := 0
	require.NoError(t, filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != "..":
			return filepath.SkipDir
		case filepath.Ext(name) != ".md":
			return nil
		}
		text, err := os.ReadFile(name) //nolint:gosec // a file of this repository
		for _, fault := range m.faults(string(text), declared) {
			t.Errorf("%s: %s", name, fault)
		}
		commands += len(commandsOf(string(text)))
		return err
	}))
	assert.Greater(t, commands, 40)
}

func TestACommandThatCannotBeRunIsReported(t *testing.T) {
	m := readMakefile(t, "../Makefile")
	text := "It is drawn by `make curve`, or by `make bench\nBENCH=Many` and `make bench WHICH=A BENCH='One|Two'`.\n\n" +
		"    make demo\n    cd p && go test -run '^$' -bench Other ./...\n\n`go test -run TestA`\n"
	assert.Equal(t, []string{
		`"make curve": make has no target curve`,
		`"make bench BENCH=Many": no test and no benchmark fits Many`,
		`"make bench WHICH=A BENCH='One|Two'": no target has a parameter WHICH`,
		`"cd p && go test -run '^$' -bench Other ./...": no test and no benchmark fits Other`,
	}, m.faults(text, map[string]bool{"TestA": true, "BenchmarkTwo": true}))
}
