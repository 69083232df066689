package main

import (
	"os"
	"path/filepath"
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
	files, err := sources([]string{"retry", "breaker", "policy", "pipeline", "bulkhead", "ratelimit", "hedge", "internal/window"})
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

	text, err := os.ReadFile("p/p.go")
	require.NoError(t, err)
	assert.Equal(t, source, string(text), "the tree is as it was")
}

// fates tries mutants of p/p.go, with those in alone each in a build of its own.
func fates(t *testing.T, dir string, mutants []mutant, alone bool) (all []fate) {
	t.Helper()
	r := runner{root: dir, timeout: time.Second, scratch: t.TempDir()}
	for i := range mutants {
		mutants[i].number = i + 1
	}
	var err error
	r.together, err = newTogether(t.Context(), dir, r.scratch, mutants)
	require.NoError(t, err)
	for _, m := range mutants {
		if alone {
			r.together.mutants[m.number] = m
			r.together.alone[m.number] = true
		}
		f, err := r.try(t.Context(), m, false)
		require.NoError(t, err)
		all = append(all, f)
	}
	return all
}

func TestAMutantMayNotCompileOrMayRunForEver(t *testing.T) {
	dir := module(t)
	body := len("package p\n\nfunc Larger(a, b int) int {")
	mutants := []mutant{
		{file: "p/p.go", start: 0, end: 7, is: "nonsense"},
		{file: "p/p.go", start: body, end: body, is: "nonsense"},
		{file: "p/p.go", start: body, end: body, is: "}"},
		{file: "p/p.go", start: body, end: body, is: "\nunused := 1\n"},
		{file: "p/p.go", start: body, end: body, is: "\nfor {}\n"},
		{file: "p/p.go", start: body, end: body, is: "\nreturn 0\n"},
		{file: "p/p.go", start: body, end: body, is: "\n\n"},
	}
	want := []fate{notViable, notViable, notViable, notViable, timedOut, killed, survived}
	assert.Equal(t, want, fates(t, dir, mutants, false))
}

// someOf returns the first mutant of each function of a file.
func someOf(t *testing.T, file string) (some []mutant) {
	t.Helper()
	all, err := mutantsOf(file)
	require.NoError(t, err)
	for _, m := range all {
		if len(some) == 0 || some[len(some)-1].function != m.function {
			some = append(some, m)
		}
	}
	return some
}

const kinds = `package p

import "runtime"

type Stack[T any] struct{ items []T }

func (s *Stack[T]) Push(items ...T) { s.items = append(s.items, items...) }

func (s *Stack[T]) Len(_ int) int { return len(s.items) + 0 }

type Empty struct{}

func (Empty) Ready(int, string) bool { return true }

func Pick[K comparable, V any](m map[K]V, _ K, k K) (v V, ok bool) {
	v, ok = m[k]
	if !ok {
		return v, false
	}
	return v, ok
}

func Last(s ...int) int {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1]
}

func rescue(to *bool) {
	if r := recover(); r != nil {
		*to = true
	}
}

func Guard(f func()) (panicked bool) {
	defer rescue(&panicked)
	defer func() {
		if r := recover(); r != nil {
			panic(r)
		}
	}()
	f()
	return false
}

func Line() int {
	_, _, line, ok := runtime.Caller(1)
	if !ok {
		return 0
	}
	return line
}

var started int

func init() { started = 1 }
`

const testsOfKinds = `package p

import "testing"

func TestKinds(t *testing.T) {
	var s Stack[string]
	s.Push("a", "b")
	v, ok := Pick(map[string]int{"a": 1}, "", "a")
	w, not := Pick(map[string]int{"a": 1}, "", "b")
	panicked := Guard(func() { panic("now") })
	switch {
	case s.Len(0) != 2, !Empty{}.Ready(0, ""), v != 1, !ok, w != 0, not,
		Last() != 0, Last(1, 2) != 2, !panicked, Guard(func() {}), Line() == 0, started != 1:
		t.Fatal("wrong")
	}
}
`

func TestMutantsHaveTheSameFateTogetherAndAlone(t *testing.T) {
	dir := module(t)
	require.NoError(t, os.WriteFile("p/p.go", []byte(kinds), 0o600))
	require.NoError(t, os.WriteFile("p/p_test.go", []byte(testsOfKinds), 0o600))
	mutants := someOf(t, "p/p.go")
	alone := fates(t, dir, mutants, true)
	assert.Equal(t, alone, fates(t, dir, mutants, false))
	assert.Contains(t, alone, killed)
	assert.Contains(t, alone, survived)
}

// Copies of an exported method are exported.
const testOfMethods = `package p

import (
	"reflect"
	"testing"
)

func TestMethods(t *testing.T) {
	if typ := reflect.TypeFor[Empty](); typ.NumMethod() != 1 || !(Empty{}).Ready(0, "") {
		t.Fatal("wrong")
	}
}
`

func TestWhatFailsTogetherWithoutAMutantRunsAlone(t *testing.T) {
	dir := module(t)
	require.NoError(t, os.WriteFile("p/p.go", []byte(kinds), 0o600))
	require.NoError(t, os.WriteFile("p/p_test.go", []byte(testOfMethods), 0o600))
	mutants := someOf(t, "p/p.go")
	alone := fates(t, dir, mutants, true)
	assert.Contains(t, alone, killed)
	assert.Equal(t, alone, fates(t, dir, mutants, false))
}

func TestASuiteThatFailsWithoutAMutantInAnyBuildIsAnError(t *testing.T) {
	dir := module(t)
	require.NoError(t, os.WriteFile("p/p_test.go", []byte("package p\n\nfunc init() { panic(\"never\") }\n"), 0o600))
	s := &campaign{runner: runner{root: dir, timeout: time.Second, scratch: t.TempDir()}, every: 1, workers: 2}
	_, err := s.all(t.Context(), []string{"p"})
	assert.ErrorContains(t, err, "the tests of ./p fail without a mutant")
	require.NoError(t, os.WriteFile("p/p_test.go", []byte("package p\n\nnonsense\n"), 0o600))
	_, err = s.all(t.Context(), []string{"p"})
	assert.ErrorContains(t, err, "building the tests of ./p")
	require.NoError(t, os.WriteFile("p/p.go", []byte("package p\n\nfunc One() int { return 1 + nothing }\n"), 0o600))
	_, err = s.all(t.Context(), []string{"p"})
	assert.ErrorContains(t, err, "undefined: nothing")
}

func TestMutantsWithAReasonAreSparedTheSearches(t *testing.T) {
	r := runner{root: "root", deep: "deep", others: []string{"./other"}, together: &together{}}
	var packages []string
	for _, s := range r.suitesOf(mutant{file: "own/a.go"}, false) {
		packages = append(packages, s.dir+s.pkg)
	}
	assert.Equal(t, []string{"root./own", "root./other", "deep./linear", "deep./storm", "deep./fuzz", "deep./explore"}, packages)
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
