package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/ductile-go/ductile/proof/command"
)

// release is a version of a checkout.
type release struct {
	root    string // of the checkout
	version string
	scratch string // a directory for files of the checks
	cache   string // a module cache
	modules []gomod
}

// gomod is a module of the checkout.
type gomod struct {
	dir  string // below the root, "." for the root module
	file *modfile.File
}

func (m gomod) path() string { return m.file.Module.Mod.Path }

// tag returns the tag of the module at a version.
func (m gomod) tag(version string) string { return strings.TrimPrefix(path.Join(m.dir, version), "./") }

// load reads the go.mod files of the checkout, the root's first. It removes the modules
// of the checkout from the cache, which may hold another checkout as the same version.
func (r *release) load(ctx context.Context) (err error) {
	if r.modules, err = modulesOf(ctx, r.root); err != nil {
		return err
	}
	escaped, err := module.EscapePath(r.modules[0].path())
	if err != nil {
		return err
	}
	ours := filepath.FromSlash(path.Dir(escaped))
	return errors.Join(os.RemoveAll(filepath.Join(r.cache, ours)), os.RemoveAll(filepath.Join(r.cache, "cache", "download", ours)))
}

func modulesOf(ctx context.Context, root string) (modules []gomod, err error) {
	list, err := git(ctx, root, "ls-files", "*go.mod")
	if err != nil {
		return nil, err
	}
	for name := range strings.FieldsSeq(list) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		file, err := modfile.Parse(name, text, nil)
		if err != nil {
			return nil, err
		}
		modules = append(modules, gomod{path.Dir(name), file})
	}
	slices.SortFunc(modules, func(a, b gomod) int { return strings.Compare(a.dir, b.dir) })
	if len(modules) == 0 || modules[0].dir != "." {
		return nil, errors.New("the checkout has no go.mod at its root")
	}
	return modules, nil
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := command.Context(ctx, "git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

func (r *release) checkVersion(ctx context.Context) (found result) {
	if !semver.IsValid(r.version) || semver.Canonical(r.version) != r.version {
		found.faults = append(found.faults, fmt.Sprintf("VERSION is %q, want a semantic version such as v0.1.0", r.version))
	}
	for _, m := range r.modules {
		tag, err := git(ctx, r.root, "tag", "--list", m.tag(r.version))
		switch {
		case err != nil:
			found.faults = append(found.faults, err.Error())
		case tag != "":
			found.faults = append(found.faults, fmt.Sprintf("tag %s exists: choose a later version, published versions cannot change", tag))
		}
	}
	found.note = r.version
	return found
}

func (r *release) checkTree(ctx context.Context) (found result) {
	changed, err := git(ctx, r.root, "status", "--porcelain")
	switch {
	case err != nil:
		found.faults = append(found.faults, err.Error())
	case changed != "":
		found.faults = append(found.faults, fmt.Sprintf("%d files differ from the last commit: commit them or remove them", len(strings.Split(changed, "\n"))))
	}
	found.note = "everything is committed"
	return found
}

func (r *release) checkGo(context.Context) (found result) {
	root := r.modules[0]
	for _, m := range r.modules {
		if want := path.Join(root.path(), m.dir); m.path() != want {
			found.faults = append(found.faults, fmt.Sprintf("%s/go.mod has the module path %s, want %s", m.dir, m.path(), want))
		}
		switch {
		case m.file.Go == nil:
			found.faults = append(found.faults, fmt.Sprintf("%s/go.mod has no go line, want that of the root", m.dir))
		case root.file.Go != nil && m.file.Go.Version != root.file.Go.Version:
			found.faults = append(found.faults, fmt.Sprintf("%s/go.mod has go %s, want %s as in the root", m.dir, m.file.Go.Version, root.file.Go.Version))
		}
		if m.file.Toolchain != nil {
			found.faults = append(found.faults, fmt.Sprintf("%s/go.mod has a toolchain line: remove it, users choose their own", m.dir))
		}
		found.note = "go " + root.file.Go.Version
	}
	return found
}

func (r *release) checkRequirements(context.Context) (found result) {
	ours := map[string]string{}
	for _, m := range r.modules {
		ours[m.path()] = m.dir
	}
	checked := 0
	for _, m := range r.modules {
		for _, req := range m.file.Require {
			dir, ok := ours[req.Mod.Path]
			if !ok {
				continue
			}
			checked++
			if req.Mod.Version != r.version {
				found.faults = append(found.faults, fmt.Sprintf("%s/go.mod requires %s at %s, want %s: cd %s && go mod edit -require=%s@%s",
					m.dir, req.Mod.Path, req.Mod.Version, r.version, m.dir, req.Mod.Path, r.version))
			}
			if !m.replaces(req.Mod.Path, dir) {
				found.faults = append(found.faults, fmt.Sprintf("%s/go.mod has no replace of %s by its directory: without one, work in the checkout would use the published version", m.dir, req.Mod.Path))
			}
		}
	}
	found.note = fmt.Sprintf("%d requirements of %d modules", checked, len(r.modules))
	return found
}

// replaces reports whether m replaces a module by the directory dir.
func (m gomod) replaces(of, dir string) bool {
	return slices.ContainsFunc(m.file.Replace, func(r *modfile.Replace) bool {
		return r.Old.Path == of && path.Join(m.dir, r.New.Path) == path.Clean(dir)
	})
}

func (r *release) checkChangelog(context.Context) (found result) {
	text, err := os.ReadFile(filepath.Join(r.root, "CHANGELOG.md"))
	if err != nil {
		return result{faults: []string{err.Error()}}
	}
	if strings.TrimSpace(section(string(text), r.version)) == "" {
		found.faults = append(found.faults, fmt.Sprintf("CHANGELOG.md has no section ## %s, or an empty one: rename Unreleased", r.version))
	}
	found.note = "## " + r.version
	return found
}

// section returns the text below the heading "## version". A date may follow the version.
func section(text, version string) string {
	inside := false
	var b strings.Builder
	for line := range strings.Lines(text) {
		heading, ok := strings.CutPrefix(line, "## ")
		switch {
		case ok:
			inside = len(strings.Fields(heading)) > 0 && strings.Trim(strings.Fields(heading)[0], "[]") == version
		case inside:
			b.WriteString(line)
		}
	}
	return b.String()
}
