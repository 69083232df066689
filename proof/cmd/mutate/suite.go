package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ductile-go/ductile/proof/command"
)

// suite is the tests of one package, in a build that has all mutants.
type suite struct {
	dir     string // of the module
	pkg     string
	tags    string
	args    []string
	overlay string
	scratch string
	skip    []string      // tests that do not run
	atLeast time.Duration // the least timeout

	once    sync.Once
	err     error
	path    string   // of the program; empty if the package has no tests
	unfit   []string // tests that fail in this build without a mutant
	timeout time.Duration
	tests   []test // the others

	mu         sync.Mutex
	lastKiller map[int]string // by group: the test that killed the last mutant of a function
}

// test is a test, an example or the seeds of a fuzz target.
type test struct {
	name    string
	took    time.Duration
	reaches map[int]bool // by group
}

// exactly returns the regular expression that matches the names of tests.
func exactly(tests ...string) string { return "^(" + strings.Join(tests, "|") + ")$" }

// without returns the flags that skip tests.
func without(flag string, tests []string) []string {
	if len(tests) == 0 {
		return nil
	}
	return []string{flag, exactly(tests...)}
}

// times is how often the time of the unchanged tests a mutant may take.
const times = 5

// ready builds the suite and runs it without a mutant.
func (s *suite) ready(ctx context.Context) error {
	s.once.Do(func() { s.err = s.build(ctx) })
	return s.err
}

func (s *suite) build(ctx context.Context) error {
	dir, err := os.MkdirTemp(s.scratch, "")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "suite.test")
	cmd := command.Context(ctx, "go", "test", "-c", "-vet=off", "-overlay", s.overlay, "-tags="+s.tags, "-o", path, s.pkg)
	cmd.Dir = s.dir
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the tests of %s: %w\n%s", s.pkg, err, output)
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil // it has no tests
	}
	s.path, s.timeout = path, 10*time.Minute
	for range 10 {
		begin := time.Now()
		f, output, err := s.with(ctx, s.timeout, "")
		switch {
		case err != nil:
			return err
		case f == survived:
			s.timeout = max(s.atLeast, times*time.Since(begin))
			return s.record(ctx, filepath.Join(dir, "reached"))
		}
		failed := failing.FindAllStringSubmatch(output, -1)
		if len(failed) == 0 {
			return fmt.Errorf("the tests of %s fail without a mutant:\n%s", s.pkg, output)
		}
		for _, f := range failed {
			s.unfit = append(s.unfit, f[1])
		}
		slices.Sort(s.unfit)
		s.unfit = slices.Compact(s.unfit)
	}
	return fmt.Errorf("the tests of %s fail without a mutant, others each time: %v", s.pkg, s.unfit)
}

var failing = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

var listed = regexp.MustCompile(`(?m)^(Test|Example|Fuzz)\w*$`)

// record runs each test by itself and finds out which functions it reaches.
func (s *suite) record(ctx context.Context, file string) error {
	_, output, err := s.with(ctx, s.timeout, "", "-test.list", "^(Test|Example|Fuzz)")
	if err != nil {
		return err
	}
	for _, name := range listed.FindAllString(output, -1) {
		if slices.Contains(s.skip, name) || slices.Contains(s.unfit, name) {
			continue
		}
		begin := time.Now()
		f, output, err := s.with(ctx, s.timeout, file, "-test.run", exactly(name))
		switch {
		case err != nil:
			return err
		case f != survived:
			return fmt.Errorf("%s of %s fails by itself without a mutant:\n%s", name, s.pkg, output)
		}
		t := test{name: name, took: time.Since(begin), reaches: map[int]bool{}}
		text, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		for _, word := range strings.Fields(string(text)) {
			group, err := strconv.Atoi(word)
			if err != nil {
				return fmt.Errorf("what %s of %s reaches: %w", name, s.pkg, err)
			}
			t.reaches[group] = true
		}
		if err := os.RemoveAll(file); err != nil {
			return err
		}
		s.tests = append(s.tests, t)
	}
	slices.SortStableFunc(s.tests, func(a, b test) int { return cmp.Compare(a.took, b.took) })
	return nil
}

// quick is the time of a test that comes before slower ones.
const quick = 100 * time.Millisecond

// try runs the tests on m that reach its function: the one that killed the last mutant of
// it, the quick ones, and the others.
func (s *suite) try(ctx context.Context, m mutant, group int) (f fate, output string, err error) {
	s.mu.Lock()
	killer := s.lastKiller[group]
	s.mu.Unlock()
	var order [3][]string
	var takes [3]time.Duration
	for _, t := range s.tests {
		turn := 2
		switch {
		case !t.reaches[group]:
			continue
		case t.name == killer:
			turn = 0
		case t.took < quick:
			turn = 1
		}
		order[turn] = append(order[turn], t.name)
		takes[turn] += t.took
	}
	for turn, tests := range order {
		if len(tests) == 0 {
			continue
		}
		f, output, err = s.with(ctx, max(s.atLeast, times*takes[turn]), strconv.Itoa(m.number), "-test.failfast", "-test.run", exactly(tests...))
		if first := failing.FindStringSubmatch(output); first != nil {
			s.mu.Lock()
			s.lastKiller[group] = first[1]
			s.mu.Unlock()
		}
		if err != nil || f != survived {
			return f, output, err
		}
	}
	return survived, output, nil
}

// with runs the suite with a value of the variable in its environment.
func (s *suite) with(ctx context.Context, timeout time.Duration, value string, flags ...string) (fate, string, error) {
	args := slices.Concat([]string{"-test.timeout", timeout.String()}, flags,
		without("-test.skip", slices.Concat(s.skip, s.unfit)), s.args)
	return execute(ctx, filepath.Join(s.dir, s.pkg), timeout, environment+"="+value, s.path, args...)
}
