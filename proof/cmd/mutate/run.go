package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// runner tries mutants. It changes no file of the tree: go test gets the changed file in
// an overlay.
type runner struct {
	root    string   // of the module
	deep    string   // another module whose tests run last; empty for none
	others  []string // packages whose tests run after those of the mutant's package
	timeout time.Duration
	scratch string
}

// try runs the stages on m until one fails.
func (r runner) try(ctx context.Context, m mutant, explained bool) (fate, error) {
	scratch, err := os.MkdirTemp(r.scratch, "")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	overlay, err := r.overlay(m, scratch)
	if err != nil {
		return "", err
	}
	own := "./" + filepath.ToSlash(filepath.Dir(m.file))
	for _, where := range r.stages(own, explained) {
		f, err := r.test(ctx, overlay, where)
		if err != nil || f != survived {
			return f, err
		}
	}
	return survived, nil
}

// stage is a run of go test.
type stage struct {
	dir     string
	timeout time.Duration
	args    []string
}

// stages returns the tests that a mutant must survive. A mutant that is listed as making
// no difference is spared the searches, which take several times as long.
func (r runner) stages(own string, explained bool) []stage {
	all := []stage{{r.root, r.timeout, []string{own}}}
	if len(r.others) > 0 {
		all = append(all, stage{r.root, r.timeout, r.others})
	}
	if r.deep != "" && !explained {
		all = append(all,
			stage{r.deep, 6 * r.timeout, []string{"./linear", "./storm", "./fuzz"}},
			stage{r.deep, 6 * r.timeout, []string{"-tags=ductile_explore", "./explore", "-args", "-schedules=4000"}})
	}
	return all
}

// overlay writes the changed file and the overlay that replaces the original by it.
func (r runner) overlay(m mutant, scratch string) (string, error) {
	path := filepath.Join(r.root, m.file)
	src, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(scratch, "mutant.go")
	if err := os.WriteFile(changed, m.apply(src), 0o600); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(scratch, "overlay.json")
	return overlay, os.WriteFile(overlay, list, 0o600)
}

// test runs go test with the overlay.
func (r runner) test(ctx context.Context, overlay string, s stage) (fate, error) {
	// The timeout of go test should come first, because it prints where the mutant hangs.
	// This one is for a build that hangs.
	ctx, cancel := context.WithTimeout(ctx, 2*s.timeout+time.Minute)
	defer cancel()
	args := append([]string{
		"test", "-p=1", "-vet=off", "-count=1", "-failfast", "-timeout", s.timeout.String(), "-overlay", overlay,
	}, s.args...)
	cmd := command.Context(ctx, "go", args...)
	cmd.Dir = s.dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return survived, nil
	case !errors.As(err, &exit):
		return "", err
	case strings.Contains(out.String(), "[build failed]"), strings.Contains(out.String(), "[setup failed]"):
		return notViable, nil
	case strings.Contains(out.String(), "panic: test timed out"), ctx.Err() != nil:
		return timedOut, nil
	}
	return killed, nil
}
