package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// gorelease is the tool that compares the API of two versions.
const gorelease = "golang.org/x/exp/cmd/gorelease@v0.0.0-20260824195058-e88cd73687aa"

// checkAPI asks gorelease whether the version fits the changes since the last tag. Both
// versions come from a proxy made of this repository, so neither has to be published.
func (r *release) checkAPI(ctx context.Context) (found result) {
	base, err := git(ctx, r.root, "describe", "--tags", "--abbrev=0", "--match", "v*")
	if err != nil {
		return result{skipped: "there is no earlier version to compare with"}
	}
	old := filepath.Join(r.scratch, "base")
	if _, err := git(ctx, r.root, "worktree", "add", "--detach", old, base); err != nil {
		return result{skipped: err.Error()}
	}
	defer func() { _, _ = git(context.WithoutCancel(ctx), r.root, "worktree", "remove", "--force", old) }()
	before, err := modulesOf(ctx, old)
	if err != nil {
		return result{skipped: err.Error()}
	}
	p := proxy{filepath.Join(r.scratch, "versions")}
	if err := p.add(ctx, old, before, base); err != nil {
		return result{skipped: err.Error()}
	}
	// A nested module requires the new version of the others. gorelease refuses a version
	// that is listed already.
	if err := p.addUnlisted(ctx, r.root, r.modules, r.version); err != nil {
		return result{skipped: err.Error()}
	}
	compared := 0
	for _, m := range r.modules {
		if !published(m, before) || !library(m) {
			continue
		}
		compared++
		// Its exit status is of no use: it also fails for the sums of our own modules, which
		// go.sum cannot have before they are published.
		out, _ := r.goCommand(ctx, filepath.Join(r.root, m.dir), p, "run", gorelease, "-base="+base, "-version="+r.version)
		switch {
		case !strings.Contains(out, "# summary"):
			found.skipped = cmp.Or(found.skipped, fmt.Sprintf("gorelease did not run in %s: %s", m.dir, firstLine(out)))
		case !strings.Contains(out, "is a valid semantic version"):
			found.faults = append(found.faults, fmt.Sprintf("%s does not fit the changes of %s since %s:\n%s", r.version, m.path(), base, out))
		}
	}
	found.note = fmt.Sprintf("%d modules compared with %s", compared, base)
	return found
}

// published reports whether m is among the modules of an earlier version.
func published(m gomod, before []gomod) bool {
	for _, old := range before {
		if old.path() == m.path() {
			return true
		}
	}
	return false
}

// library reports whether m is a module for users. Benchmarks, examples and searches
// promise no API.
func library(m gomod) bool {
	switch m.dir {
	case "bench", "examples", "proof", "console/browsertest", "internal/browser", "sim/reporttest", "ductileprom/promtest", "ductileotel/otlptest", "ductileconfig/schematest":
		return false
	}
	return true
}

// firstLine returns the first line of the output of go run that is not about downloads.
func firstLine(output string) string {
	for line := range strings.Lines(output) {
		if !strings.HasPrefix(line, "go: downloading") {
			return strings.TrimSpace(line)
		}
	}
	return "no output"
}
