package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

	mu         sync.Mutex
	lastKiller map[string]string // by function: the test that killed its last mutant
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
		f, output, err := s.with(ctx, "")
		switch {
		case err != nil:
			return err
		case f == survived:
			s.timeout = max(s.atLeast, times*time.Since(begin))
			return nil
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

// try runs the suite on m, first the test that killed the last mutant of its function.
func (s *suite) try(ctx context.Context, m mutant) (fate, error) {
	chosen := fmt.Sprintf("%s=%d", environment, m.number)
	s.mu.Lock()
	killer := s.lastKiller[m.function]
	s.mu.Unlock()
	if killer != "" {
		f, _, err := s.with(ctx, chosen, "-test.run", exactly(killer))
		if err != nil || f != survived {
			return f, err
		}
	}
	f, output, err := s.with(ctx, chosen, "-test.failfast")
	if first := failing.FindStringSubmatch(output); first != nil {
		s.mu.Lock()
		s.lastKiller[m.function] = first[1]
		s.mu.Unlock()
	}
	return f, err
}

// with runs the suite with a variable in its environment.
func (s *suite) with(ctx context.Context, env string, flags ...string) (fate, string, error) {
	args := slices.Concat([]string{"-test.timeout", s.timeout.String()}, flags,
		without("-test.skip", slices.Concat(s.skip, s.unfit)), s.args)
	return execute(ctx, filepath.Join(s.dir, s.pkg), s.timeout, env, s.path, args...)
}
