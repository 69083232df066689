package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ductile-go/ductile/bench/internal/runs"
)

type options struct {
	base, bench, time string
	count             int
	margin            float64
	short             bool
	accepted          []string // scenarios at which a loss is meant
}

// trailer is what a commit message says before the scenarios that the commit
// makes worse on purpose.
const trailer = "Bench-Accept"

// run compares the tree around the working directory with its base.
func run(ctx context.Context, o options) error {
	root, err := output(ctx, ".", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	base, err := baseOf(ctx, root, o.base)
	if err != nil || base == "" {
		return err
	}
	dir, err := os.MkdirTemp("", "ductile-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	tree := filepath.Join(dir, "base")
	if _, err := output(ctx, root, "git", "worktree", "add", "--detach", tree, base); err != nil {
		return err
	}
	defer func() { // also when ctx has ended
		_, _ = output(context.WithoutCancel(ctx), root, "git", "worktree", "remove", "--force", tree)
	}()
	before, after := filepath.Join(dir, "base.test"), filepath.Join(dir, "head.test")
	if err := build(ctx, filepath.Join(root, "bench"), after); err != nil {
		return err
	}
	if err := buildBase(ctx, root, tree, before); err != nil {
		fmt.Printf("nothing to compare with: no benchmarks build on %s: %v\n", base, err)
		return nil
	}
	trailers, err := output(ctx, root, "git", "log", "--format=%(trailers:key="+trailer+",valueonly)", base+"..HEAD")
	if err != nil {
		return err
	}
	o.accepted = append(o.accepted, scenarioList(trailers)...)
	fmt.Printf("comparing with %s\n", base)
	return judge(ctx, o, before, after)
}

// baseOf returns the commit to compare with, or none, having said why.
func baseOf(ctx context.Context, root, rev string) (string, error) {
	if rev != "" {
		return output(ctx, root, "git", "rev-parse", "--verify", rev+"^{commit}")
	}
	head, err := output(ctx, root, "git", "rev-parse", "HEAD")
	if err != nil {
		return "", err
	}
	changed, err := output(ctx, root, "git", "status", "--porcelain")
	if err != nil {
		return "", err
	}
	base, err := output(ctx, root, "git", "merge-base", "HEAD", "origin/main")
	if err == nil && (base != head || changed != "") {
		return base, nil
	}
	// There is no origin, or this is its tip: then the last commit is in question.
	if base, err = output(ctx, root, "git", "rev-parse", "--verify", "HEAD~1"); err == nil {
		return base, nil
	}
	fmt.Println("nothing to compare with: neither origin/main nor HEAD~1 is here")
	return "", nil
}

// buildBase builds this tree's benchmarks on the base, so that both are measured
// alike, or the base's own where they do not compile there.
func buildBase(ctx context.Context, root, tree, binary string) error {
	own := filepath.Join(tree, "bench")
	aside := filepath.Join(tree, "bench.own")
	had := os.Rename(own, aside) == nil
	if err := os.CopyFS(own, os.DirFS(filepath.Join(root, "bench"))); err != nil {
		return err
	}
	err := build(ctx, own, binary, "-mod=mod") // the base may require other versions
	if err == nil || !had {
		return err
	}
	fmt.Println("this tree's benchmarks do not compile on the base; running its own")
	if err := errors.Join(os.RemoveAll(own), os.Rename(aside, own)); err != nil {
		return err
	}
	return build(ctx, own, binary)
}

func build(ctx context.Context, dir, binary string, flags ...string) error {
	args := append([]string{"test", "-c", "-o", binary}, flags...)
	_, err := output(ctx, dir, "go", append(args, ".")...)
	return err
}

// judge measures both binaries and reports what the second does worse.
func judge(ctx context.Context, o options, before, after string) error {
	first, err := measure(ctx, o, before, after)
	if err != nil {
		return err
	}
	for _, f := range first {
		fmt.Println(f)
	}
	lost := losses(first)
	if len(lost) == 0 {
		return nil
	}
	fmt.Println("\nonce more, what looks lost:")
	o.bench = scenariosOf(lost)
	again, err := measure(ctx, o, before, after)
	if err != nil {
		return err
	}
	lost = confirmed(lost, again)
	for _, f := range lost {
		fmt.Println(f)
	}
	bad := refused(lost, o.accepted)
	if len(bad) > 0 {
		return fmt.Errorf("%d losses; one that is meant is accepted by a line in the commit message: %s: %s",
			len(bad), trailer, bad[0].key.Scenario)
	}
	fmt.Printf("%d losses, all of them accepted\n", len(lost))
	return nil
}

// scenariosOf returns a regular expression for the scenarios of some findings.
func scenariosOf(all []finding) string {
	var names []string
	for _, f := range all {
		if !slices.Contains(names, f.key.Scenario) {
			names = append(names, f.key.Scenario)
		}
	}
	return "^Benchmark(" + strings.Join(names, "|") + ")$"
}

// measure runs the two binaries in turn.
func measure(ctx context.Context, o options, before, after string) ([]finding, error) {
	var base, head runs.Runs
	for range o.count {
		if err := pass(ctx, o, before, &base); err != nil {
			return nil, err
		}
		if err := pass(ctx, o, after, &head); err != nil {
			return nil, err
		}
	}
	return compare(&base, &head, o.margin), nil
}

func pass(ctx context.Context, o options, binary string, rs *runs.Runs) error {
	args := []string{
		"-test.run=^$", "-test.bench=" + pattern(o.bench), "-test.benchtime=" + o.time, "-test.timeout=30m",
	}
	if o.short {
		args = append(args, "-test.short")
	}
	printed, err := output(ctx, filepath.Dir(binary), binary, args...)
	if err != nil {
		return err
	}
	return rs.Read(strings.NewReader(printed), filepath.Base(binary))
}

// pattern selects ductile at the scenarios asked for, and a bare call whether
// or not there is one among them.
func pattern(scenarios string) string {
	return "(" + scenarios + ")/^lib=(bare|ductile)$|^BenchmarkClosedRow$/^lib=bare$"
}

// output runs a command and returns what it prints. An error says what it
// complained of.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, complaint.String())
	}
	return strings.TrimSpace(string(out)), nil
}
