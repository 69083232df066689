package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ductile-go/ductile/proof/command"
)

// fate is the result of trying a mutant.
type fate string

const (
	killed    fate = "killed"
	timedOut  fate = "killed by running for ever"
	notViable fate = "does not compile"
	survived  fate = "survived"
)

// runner tries mutants. It changes no file of the tree: go test gets the changed files in
// an overlay.
type runner struct {
	root    string   // of the module
	deep    string   // another module whose tests run last; empty for none
	others  []string // packages whose tests run after those of the mutant's package
	skip    []string // tests that do not run
	timeout time.Duration
	scratch string

	together *together
	mu       sync.Mutex
	suites   map[string]*suite // by directory
}

// try runs the suites on m until one fails. It returns what the last one printed.
func (r *runner) try(ctx context.Context, m mutant, explained bool) (f fate, output string, err error) {
	if !r.together.has(m) {
		return notViable, "", nil
	}
	for _, s := range r.suitesOf(m, explained) {
		f, output, err = r.run(ctx, m, s)
		if err != nil || f != survived {
			return f, output, err
		}
	}
	return survived, output, nil
}

// suitesOf returns the tests that m must survive, in their order. One that is listed as
// making no difference is spared the searches, which take several times as long.
func (r *runner) suitesOf(m mutant, explained bool) []*suite {
	all := []*suite{r.suite(r.root, "./"+filepath.ToSlash(filepath.Dir(m.file)), "")}
	for _, other := range r.others {
		all = append(all, r.suite(r.root, other, ""))
	}
	if r.deep == "" || explained {
		return all
	}
	return append(all, r.suite(r.deep, "./explore", "ductile_explore", "-schedules=4000"),
		r.suite(r.deep, "./linear", ""), r.suite(r.deep, "./storm", ""), r.suite(r.deep, "./fuzz", ""))
}

// suite returns the suite of a package, one for all mutants.
func (r *runner) suite(dir, pkg, tags string, args ...string) *suite {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := filepath.Join(dir, pkg)
	s := r.suites[at]
	if s == nil {
		s = &suite{
			dir: dir, pkg: pkg, tags: tags, args: args, overlay: r.together.overlay, scratch: r.scratch,
			skip: r.skip, atLeast: r.timeout, lastKiller: map[int]string{},
		}
		if r.suites == nil {
			r.suites = map[string]*suite{}
		}
		r.suites[at] = s
	}
	return s
}

// run runs a suite on m: the build with all mutants, and what that build cannot show in
// one with m alone.
func (r *runner) run(ctx context.Context, m mutant, s *suite) (f fate, output string, err error) {
	if err := s.ready(ctx); err != nil {
		return "", "", err
	}
	if s.path == "" {
		return survived, "", nil
	}
	if r.together.alone[m.number] {
		return r.runAlone(ctx, m, s)
	}
	f, output, err = s.try(ctx, m, r.together.group[m.number])
	if err != nil || f != survived || len(s.unfit) == 0 {
		return f, output, err
	}
	return r.runAlone(ctx, m, s, "-run", exactly(s.unfit...))
}

// runAlone runs a suite in a build with m alone.
func (r *runner) runAlone(ctx context.Context, m mutant, s *suite, flags ...string) (f fate, output string, err error) {
	scratch, err := os.MkdirTemp(r.scratch, "")
	if err != nil {
		return "", "", err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	path := filepath.Join(r.root, m.file)
	src, err := os.ReadFile(path)
	if err != nil {
		return "", "", err
	}
	changed := filepath.Join(scratch, "mutant.go")
	if err := os.WriteFile(changed, m.apply(src), 0o600); err != nil {
		return "", "", err
	}
	overlay := filepath.Join(scratch, "overlay.json")
	if err := writeOverlay(overlay, map[string]string{path: changed}); err != nil {
		return "", "", err
	}
	args := slices.Concat([]string{
		"test", "-vet=off", "-count=1", "-failfast", "-timeout", s.timeout.String(), "-overlay", overlay, "-tags=" + s.tags,
	}, without("-skip", s.skip), flags, []string{s.pkg, "-args"}, s.args)
	return execute(ctx, s.dir, s.timeout, "", "go", args...)
}

// execute runs a program that tests a mutant.
func execute(ctx context.Context, dir string, timeout time.Duration, env, name string, args ...string) (fate, string, error) {
	// The timeout of go test should come first, because it prints where the mutant hangs.
	// This one is for a build that hangs.
	ctx, cancel := context.WithTimeout(ctx, 2*timeout+time.Minute)
	defer cancel()
	cmd := command.Context(ctx, name, args...)
	cmd.Dir = dir
	if env != "" {
		cmd.Env = append(os.Environ(), env)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	output := out.String()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return survived, output, nil
	case !errors.As(err, &exit):
		return "", output, err
	case strings.Contains(output, "[build failed]"), strings.Contains(output, "[setup failed]"):
		return notViable, output, nil
	case strings.Contains(output, "panic: test timed out"), ctx.Err() != nil:
		return timedOut, output, nil
	}
	return killed, output, nil
}

// writeOverlay writes the overlay that replaces files by others.
func writeOverlay(path string, replace map[string]string) error {
	list, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return err
	}
	return os.WriteFile(path, list, 0o600)
}
