package main

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/proof/row"
)

func TestAJobThatFailsOrHasNoRowsFails(t *testing.T) {
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

func TestRowsAreInTheOrderOfTheJobs(t *testing.T) {
	release := filepath.Join(t.TempDir(), "the second has run")
	jobs := []job{
		{name: "first", args: []string{"sh", "-c", `until [ -e "$0" ]; do :; done; printf 'PROOF\ta\tb\tc\td\n'`, release}},
		{name: "second", args: []string{"sh", "-c", `printf 'PROOF\te\tf\tg\th\n'; : >"$0"`, release}},
	}
	got := run(t.Context(), jobs, 2)
	require.Len(t, got.rows, 2)
	assert.Equal(t, []string{"first", "second"}, []string{got.rows[0].job, got.rows[1].job})
	assert.False(t, got.failed)
}

func TestRowsAreMadeFromOutput(t *testing.T) {
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

func TestTheTableIsPrintedAndParsed(t *testing.T) {
	tab := table{commit: "1a2b"}
	tab.add("linear", []row.Row{{Searched: "a", Amount: "1", Seeds: "2", Result: "r"}, {Searched: "b"}}, time.Second)
	assert.Equal(t, "SEARCHED  HOW MUCH  SEEDS  RESULT  TOOK\na         1         2      r       1s\nb                                  \n", tab.text())
	md := tab.markdown()
	assert.Contains(t, md, "| linear | a | 1 | 2 | r | 1s | 1a2b |\n| linear | b |  |  |  |  | 1a2b |\n")
	assert.Equal(t, tab.rows, parse(md))
}

func TestARunOfOneSearchKeepsTheRowsOfTheOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "RESULTS.md")
	order := []job{{name: "linear"}, {name: "fuzz"}, {name: "fuzz"}, {name: "storm"}}
	write := func(commit string, of map[string][]string) {
		tab := table{commit: commit}
		for _, name := range []string{"linear", "fuzz", "storm", "unknown"} {
			for _, found := range of[name] {
				tab.add(name, []row.Row{{Searched: found}}, time.Second)
			}
		}
		require.NoError(t, tab.update(path, order))
	}
	write("first", map[string][]string{"linear": {"a"}, "storm": {"b"}, "fuzz": {"c", "d"}, "unknown": {"e"}})
	write("second", map[string][]string{"fuzz": {"f"}})
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var found []string
	for _, l := range parse(string(text)) {
		found = append(found, l.Searched+" "+l.commit)
	}
	assert.Equal(t, []string{"a first", "f second", "b first"}, found)
}

func TestAShortRunSaysWhatItLeavesOut(t *testing.T) {
	chosen, left := withoutLong(jobs(1, true, 1, ""))
	assert.Subset(t, left, []string{"fuzz of cache", "fuzz of ductilegrpc", "386", "arm64"})
	assert.NotContains(t, left, "fuzz of proof/fuzz")
	var names []string
	for _, j := range chosen {
		names = append(names, j.name)
	}
	assert.Equal(t, []string{
		"policies", "linear", "linear-yields", "explore", "traffic", "storm", "differ", "fuzz", "mutation-retry",
	}, slices.Compact(names))
}

func TestJobsAreSelectedByNameOrPrefix(t *testing.T) {
	for only, want := range map[string]bool{"": true, "linear": true, "storm,linear-yields": true, "linear-y": false, "storm": false} {
		assert.Equal(t, want, job{name: "linear-yields"}.isOf(only), only)
	}
}
