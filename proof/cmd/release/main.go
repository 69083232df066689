// Command release checks that a version of this repository can be tagged: the root
// module and all nested modules, at one version.
//
//	go run ./cmd/release -root .. -version v0.1.0
//
// It prints one line for each check, and the tags to create if all pass. It exits with
// 1 if a check fails. A check that cannot run on this machine is reported as skipped.
// The checks are:
//
//   - version: a semantic version that has no tag yet.
//   - tree: everything is committed.
//   - go: every module has the path of its directory and the root's Go version, and no
//     toolchain line.
//   - requirements: every nested module requires the others at the version, with a
//     replace beside it for work in the checkout.
//   - changelog: CHANGELOG.md has a section for the version.
//   - api: gorelease finds that the version fits the changes since the last tag.
//   - consumer: a module outside the checkout, without replace, builds every package of
//     every module from a file-system proxy that holds this checkout as the version.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

func main() { os.Exit(status()) }

// status runs the command and returns its exit status.
func status() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	root := flag.String("root", "..", "the root of the checkout")
	version := flag.String("version", "", "the version to check, such as v0.1.0")
	cache := flag.String("cache", "", "a directory that keeps the modules by others for the next run")
	flag.Parse()
	ok, err := run(ctx, *root, *version, *cache)
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
	}
	if err != nil || !ok {
		return 1
	}
	return 0
}

func run(ctx context.Context, root, version, cache string) (ok bool, err error) {
	if root, err = filepath.Abs(root); err != nil {
		return false, err
	}
	scratch, err := os.MkdirTemp("", "release")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	if cache == "" {
		cache = filepath.Join(scratch, "cache")
	}
	if cache, err = filepath.Abs(cache); err != nil {
		return false, err
	}
	r := release{root: root, version: version, scratch: scratch, cache: cache}
	if err := r.load(ctx); err != nil {
		return false, err
	}
	return r.check(ctx), nil
}

// result is what a check found.
type result struct {
	skipped string   // why it did not run
	faults  []string // what is wrong and what to do
	note    string   // what was checked
}

// check runs all checks and prints a line for each. It reports whether none failed.
func (r *release) check(ctx context.Context) bool {
	ok := true
	for _, c := range []struct {
		name string
		run  func(context.Context) result
	}{
		{"version", r.checkVersion}, {"tree", r.checkTree}, {"go", r.checkGo}, {"requirements", r.checkRequirements},
		{"changelog", r.checkChangelog}, {"api", r.checkAPI}, {"consumer", r.checkConsumer},
	} {
		found := c.run(ctx)
		switch {
		case len(found.faults) > 0:
			ok = false
			for _, fault := range found.faults {
				fmt.Printf("FAIL     %-13s %s\n", c.name, fault)
			}
		case found.skipped != "":
			fmt.Printf("skipped  %-13s %s\n", c.name, found.skipped)
		default:
			fmt.Printf("ok       %-13s %s\n", c.name, found.note)
		}
	}
	if ok {
		for _, m := range r.modules {
			fmt.Printf("git tag %s\n", m.tag(r.version))
		}
	}
	return ok
}
