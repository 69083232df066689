package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/ductile-go/ductile/proof/command"
)

// A build of its own for each mutant would take most of the time. So a build has many
// mutants: for each of them a copy of its function, and at the beginning of the function a
// switch to the copies. This is mutant schemata of Untch, Offutt and Harrold, "Mutation
// analysis using mutant schemata", ISSTA 1993. The switch also records which functions a
// test reaches, because no other test can tell their mutants.
const (
	// environment names the variable whose value is the number of the mutant that runs, or
	// the file to which the functions go that are reached.
	environment = "DUCTILE_MUTANT"
	// chooser is the file that reads it, in each package with mutants.
	chooser = "zz_mutant.go"
)

// together is a build that has many mutants.
type together struct {
	root     string // of their module
	scratch  string
	packages []string
	mutants  map[int]mutant
	alone    map[int]bool // mutants that a build with others cannot have
	last     int          // the greatest number
	group    map[int]int  // of a mutant: the number by which its function is recorded
	overlay  string       // for go test, once it compiles
}

// newTogether returns the build that has those of the mutants that compile.
func newTogether(ctx context.Context, root, scratch string, mutants []mutant) (*together, error) {
	t := &together{
		root: root, scratch: scratch, overlay: filepath.Join(scratch, "together.json"),
		mutants: map[int]mutant{}, alone: map[int]bool{}, group: map[int]int{},
	}
	for _, m := range mutants {
		t.mutants[m.number] = m
		t.last = max(t.last, m.number)
		t.packages = append(t.packages, "./"+filepath.ToSlash(filepath.Dir(m.file)))
	}
	slices.Sort(t.packages)
	t.packages = slices.Compact(t.packages)
	// Without mutants it has to compile anyway.
	if output, err := t.compile(ctx); err != nil {
		return nil, fmt.Errorf("building without a mutant: %w\n%s", err, output)
	}
	// The compiler names more mutants that do not compile once others are gone.
	for range 20 {
		places, err := t.write()
		if err != nil {
			return nil, err
		}
		output, err := t.compile(ctx, "-overlay", t.overlay)
		if err == nil || ctx.Err() != nil {
			return t, ctx.Err()
		}
		if !t.dropFailing(output, places) {
			return nil, fmt.Errorf("building the mutants together: %w\n%s", err, output)
		}
	}
	return nil, errors.New("building the mutants together: each build fails at other mutants")
}

// has reports whether m compiles.
func (t *together) has(m mutant) bool { _, ok := t.mutants[m.number]; return ok }

// place is a line of the build.
type place struct {
	file string
	line int
}

// write writes the files of the build and returns the mutants of their lines.
func (t *together) write() (map[place]int, error) {
	byFile := map[string][]mutant{}
	for _, m := range t.mutants {
		byFile[m.file] = append(byFile[m.file], m)
	}
	places, replace := map[place]int{}, map[string]string{}
	add := func(path, text string) (written string, err error) {
		written = filepath.Join(t.scratch, fmt.Sprintf("together%d.go", len(replace)))
		replace[filepath.Join(t.root, path)] = written
		return written, os.WriteFile(written, []byte(text), 0o600)
	}
	for file, mutants := range byFile {
		slices.SortFunc(mutants, func(a, b mutant) int { return a.number - b.number })
		f, err := t.rewrite(file, mutants)
		if err != nil {
			return nil, err
		}
		written, err := add(file, f.text())
		if err != nil {
			return nil, err
		}
		for line, number := range f.lines {
			places[place{written, line}] = number
		}
		if _, err := add(filepath.Join(filepath.Dir(file), chooser), fmt.Sprintf(choosing, f.pkg, environment, t.last+1)); err != nil {
			return nil, err
		}
	}
	return places, writeOverlay(t.overlay, replace)
}

const choosing = `package %s

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
)

var (
	chosen__    = os.Getenv(%q)
	mutant__, _ = strconv.Atoi(chosen__)
	mutating__  = chosen__ != ""
	reached__   [%d]atomic.Bool
)

func reach__(function int) {
	if reached__[function].Load() || reached__[function].Swap(true) {
		return
	}
	f, err := os.OpenFile(chosen__, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	fmt.Fprintln(f, function)
}
`

// compile builds the packages that have mutants.
func (t *together) compile(ctx context.Context, flags ...string) (output string, err error) {
	args := slices.Concat([]string{"build", "-gcflags=-e"}, flags, t.packages)
	cmd := command.Context(ctx, "go", args...)
	cmd.Dir = t.root
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return "", err
	}
	return string(out), err
}

var faulty = regexp.MustCompile(`(?m)^(\S+\.go):(\d+):\d+: `)

// dropFailing drops the mutants that the compiler complains of. It returns false if there
// is none.
func (t *together) dropFailing(output string, places map[place]int) bool {
	before := len(t.mutants)
	for _, at := range faulty.FindAllStringSubmatch(output, -1) {
		line, _ := strconv.Atoi(at[2])
		file := at[1]
		if !filepath.IsAbs(file) {
			file = filepath.Join(t.root, file)
		}
		if number, ok := places[place{file, line}]; ok {
			delete(t.mutants, number)
		}
	}
	return len(t.mutants) < before
}
