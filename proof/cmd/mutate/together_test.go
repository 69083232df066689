package main

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
		f, _, err := r.try(t.Context(), m, false)
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
