package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const source = `package p

func Larger(a, b int) int {
	if a > b {
		return a
	}
	return b
}

func Count(ok func() bool) (n int) {
	for ok() {
		n++
	}
	return n
}
`

const tests = `package p

import "testing"

func TestLarger(t *testing.T) {
	if Larger(1, 2) != 2 || Larger(2, 1) != 2 {
		t.Fatal("not the larger")
	}
}
`

// module writes a module of one package, half of which is tested, and changes to its
// directory.
func module(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module p\n\ngo 1.26.0\n", "p/p.go": source, "p/p_test.go": tests,
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	t.Chdir(dir)
	return dir
}

func TestMutantsOfAFile(t *testing.T) {
	module(t)
	mutants, err := mutantsOf("p/p.go")
	require.NoError(t, err)
	var keys []string
	for _, m := range mutants {
		keys = append(keys, m.key())
	}
	assert.Equal(t, []string{
		"p Larger | > to >= #1",
		"p Larger | > to <= #1",
		"p Larger | drop return #1",
		"p Count | ++ to -- #1",
	}, keys)
	assert.Contains(t, string(mutants[1].apply([]byte(source))), "if a <= b {")
}

func TestMutantsOfOneLineHaveDifferentKeys(t *testing.T) {
	keys := keysOf(t, "func All(a, b, c bool) bool { return a && b && c }")
	assert.Equal(t, []string{
		"p All | drop left of && #1", "p All | drop left of && #2", "p All | drop right of && #1", "p All | && to || #1",
		"p All | drop right of && #2", "p All | && to || #2",
	}, keys)
}

// keysOf returns the keys of the mutants in a source.
func keysOf(t *testing.T, src string) (keys []string) {
	t.Helper()
	module(t)
	require.NoError(t, os.WriteFile("p/p.go", []byte("package p\n\n"+src+"\n"), 0o600))
	mutants, err := mutantsOf("p/p.go")
	require.NoError(t, err)
	for _, m := range mutants {
		keys = append(keys, m.key())
	}
	return keys
}

func TestAKeySurvivesARenameAndAMove(t *testing.T) {
	before := keysOf(t, "func (c *Count[T]) Add(n int) { if n > c.max { c.max = n } }")
	after := keysOf(t, "// moved\n\nfunc (count *Count[T]) Add(more int) {\n\tif more > count.limit {\n\t\tcount.limit = more\n\t}\n}")
	assert.Equal(t, []string{"p Count.Add | > to >= #1", "p Count.Add | > to <= #1", "p Count.Add | drop assignment #1"}, before)
	assert.Equal(t, before, after)
}

func TestMethodsOfTwoTypesHaveKeysOfTheirOwn(t *testing.T) {
	keys := keysOf(t, "type A struct{ n int }\ntype B[K, V any] struct{ n int }\nfunc (a A) add() { a.n++ }\nfunc (b *B[K, V]) add() { b.n++ }")
	assert.Equal(t, []string{"p A.add | ++ to -- #1", "p B.add | ++ to -- #1"}, keys)
}

// If a reason has no mutant any more, its function has changed: check the reason.
func TestEveryReasonHasItsMutantAndEveryKeyIsUnique(t *testing.T) {
	reasons, err := readExplained("../../mutants.txt")
	require.NoError(t, err)
	require.NotEmpty(t, reasons)
	t.Chdir("../../..")
	var packages []string
	for key := range reasons {
		name, _, _ := strings.Cut(key, " ")
		packages = append(packages, name)
	}
	slices.Sort(packages)
	files, err := sources(slices.Compact(packages))
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, file := range files {
		mutants, err := mutantsOf(file)
		require.NoError(t, err)
		for _, m := range mutants {
			assert.False(t, seen[m.key()], "two mutants have the key %s", m.key())
			seen[m.key()] = true
			delete(reasons, m.key())
		}
	}
	assert.Empty(t, reasons, "mutants.txt lists keys that no mutant has")
}

func TestMutantsOfTestedCodeAreKilledAndTheOthersSurvive(t *testing.T) {
	dir := module(t)
	s := &campaign{runner: runner{root: dir, timeout: time.Minute, scratch: t.TempDir()}, every: 1, workers: 2}
	ok, err := s.all(t.Context(), []string{"p"})
	require.NoError(t, err)
	assert.False(t, ok)
	assert.Equal(t, map[fate]int{killed: 2, survived: 2}, s.tally)

	s.explained = map[string]string{
		"p Larger | > to >= #1": "equal values: either is the larger",
		"p Count | ++ to -- #1": "Count has no callers",
	}
	ok, err = s.all(t.Context(), []string{"p"})
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, 2, s.equal)

	s.explained["p Larger | > to <= #1"] = "this is not so"
	ok, err = s.all(t.Context(), []string{"p"})
	require.NoError(t, err)
	assert.False(t, ok, "a wrong reason goes unnoticed")
	assert.Equal(t, 2, s.equal)
	assert.Equal(t, 1, s.wrong)

	s.explained["p Larger | > to <= #1"] = "race: killed by chance"
	s.explained["p Count | ++ to -- #1"] = "race: not met"
	ok, err = s.all(t.Context(), []string{"p"})
	require.NoError(t, err)
	assert.True(t, ok, "races are killed or not")
	assert.Equal(t, 1, s.equal)
	assert.Equal(t, 1, s.races)
	assert.Equal(t, map[fate]int{killed: 2}, s.tally)

	text, err := os.ReadFile("p/p.go")
	require.NoError(t, err)
	assert.Equal(t, source, string(text), "the tree is as it was")
}

func TestMutantsWithAReasonAreSparedTheSearches(t *testing.T) {
	r := runner{root: "root", deep: "deep", others: []string{"./other"}, together: &together{}}
	var packages []string
	for _, s := range r.suitesOf(mutant{file: "own/a.go"}, false) {
		packages = append(packages, s.dir+s.pkg)
	}
	assert.Equal(t, []string{"root./own", "root./other", "deep./explore", "deep./linear", "deep./storm", "deep./fuzz"}, packages)
	assert.Len(t, r.suitesOf(mutant{file: "own/b.go"}, true), 2)
	assert.Same(t, r.suitesOf(mutant{file: "own/a.go"}, false)[1], r.suitesOf(mutant{file: "two/a.go"}, false)[1])
}

func TestReasonsAreReadByKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mutants.txt")
	require.NoError(t, os.WriteFile(path, []byte("# a note\na | b | < -> <= => the same\n"), 0o600))
	reasons, err := readExplained(path)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a | b | < -> <=": "the same"}, reasons)
	reasons, err = readExplained("nowhere")
	require.NoError(t, err)
	assert.Empty(t, reasons)
	_, err = sources([]string{"nowhere"})
	assert.Error(t, err)
}
