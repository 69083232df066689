package main

import (
	"context"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/proof/row"
)

func TestAJobThatFailsOrSaysNothingIsAFailure(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		ok   bool
	}{
		"says a row":        {[]string{"printf", "noise\nPROOF\ta\tb\tc\td\n"}, true},
		"says nothing":      {[]string{"printf", "noise"}, false},
		"fails with a row":  {[]string{"sh", "-c", `printf 'PROOF\ta\tb\tc\td\n'; exit 1`}, false},
		"cannot be started": {[]string{"./no such program"}, false},
	} {
		rows, _, ok := job{name: name, args: c.args}.run(context.Background())
		assert.Equal(t, c.ok, ok, name)
		assert.NotEmpty(t, rows, name)
		assert.Equal(t, !ok, len(rows[len(rows)-1].Result) > 6 && rows[len(rows)-1].Result[:6] == "FAILED", name)
	}
}

func TestRowsAreMadeOfOutput(t *testing.T) {
	assert.Equal(t, []row.Row{{Searched: "s", Amount: "2 tests", Result: "all pass"}},
		passed("s")("--- PASS: A (0s)\n    --- PASS: A/b (0s)\nok p"))
	assert.Empty(t, passed("s")("ok p [no tests to run]"))
	assert.Equal(t, "20 inputs", fuzzed("FuzzX")("execs: 3 (1/sec)\nfuzz: execs: 20 (1/sec)\nPASS")[0].Amount)
	assert.Empty(t, fuzzed("FuzzX")("execs: 3 (1/sec)\nFAIL"))
	assert.Empty(t, fuzzed("FuzzX")(""))
}

func TestEveryFuzzTargetIsRun(t *testing.T) {
	var found []string
	declared := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)
	root := os.DirFS("../../..")
	require.NoError(t, fs.WalkDir(root, ".", func(name string, _ fs.DirEntry, err error) error {
		if !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(root, name)
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			found = append(found, path.Dir(name)+" "+m[1])
		}
		return err
	}))
	var run []string
	for _, target := range targets {
		run = append(run, target.dir+" "+target.name)
	}
	assert.ElementsMatch(t, found, run)
}

func TestTheTable(t *testing.T) {
	var tab table
	tab.add([]row.Row{{Searched: "a", Amount: "1", Seeds: "2", Result: "r"}, {Searched: "b"}}, time.Second)
	assert.Equal(t, "SEARCHED  HOW MUCH  SEEDS  RESULT  TOOK\na         1         2      r       1s\nb                                  \n", tab.text())
	assert.Contains(t, tab.markdown(), "| a | 1 | 2 | r | 1s |\n| b |  |  |  |  |\n")
	assert.Contains(t, tab.markdown(), "`make prove`")
	assert.NotContains(t, tab.markdown(), "no difference")

	tab.equal = noDifference("no difference\tx.go:1: < -> <=    in: a < b\tof two that are equal either will do\nSURVIVED\ty\n" +
		"no difference\tz.go:2: > -> >=    in: a > b\tof two that are equal either will do\n")
	assert.Contains(t, tab.markdown(), "of two that are equal either will do:\n\n```\nx.go:1: < -> <=    in: a < b\nz.go:2: > -> >=    in: a > b\n```\n")
}
