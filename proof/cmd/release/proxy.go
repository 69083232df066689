package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// proxy is a module proxy in a directory, as `go help goproxy` describes it.
type proxy struct{ dir string }

// url returns the proxy as an entry of GOPROXY.
func (p proxy) url() string { return "file://" + filepath.ToSlash(p.dir) }

// add publishes all modules of a checkout at a version.
func (p proxy) add(ctx context.Context, root string, modules []gomod, version string) error {
	if err := p.addUnlisted(ctx, root, modules, version); err != nil {
		return err
	}
	for _, m := range modules {
		dir, err := p.versions(m)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "list"), []byte(version+"\n"), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// versions returns the directory of the module's versions.
func (p proxy) versions(m gomod) (string, error) {
	escaped, err := module.EscapePath(m.path())
	return filepath.Join(p.dir, filepath.FromSlash(escaped), "@v"), err
}

// addUnlisted is add for a version that can be required and that no list shows yet.
func (p proxy) addUnlisted(ctx context.Context, root string, modules []gomod, version string) error {
	for _, m := range modules {
		files, err := filesOf(ctx, root, m, modules)
		if err != nil {
			return err
		}
		if err := p.publish(module.Version{Path: m.path(), Version: version}, m, files); err != nil {
			return fmt.Errorf("%s: %w", m.path(), err)
		}
	}
	return nil
}

func (p proxy) publish(v module.Version, m gomod, files []zip.File) error {
	dir, err := p.versions(m)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the go command reads it
		return err
	}
	info, err := json.Marshal(map[string]any{"Version": v.Version, "Time": time.Unix(0, 0).UTC()})
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{v.Version + ".info": info, v.Version + ".mod": modfile.Format(m.file.Syntax)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	archive, err := os.Create(filepath.Join(dir, v.Version+".zip")) //nolint:gosec // below the scratch directory
	if err != nil {
		return err
	}
	if err := zip.Create(archive, v, files); err != nil {
		_ = archive.Close()
		return err
	}
	return archive.Close()
}

// filesOf returns the files of a module that git tracks, or would track.
func filesOf(ctx context.Context, root string, m gomod, modules []gomod) (files []zip.File, err error) {
	list, err := git(ctx, filepath.Join(root, m.dir), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(strings.Trim(list, "\x00"), "\x00") {
		at := filepath.Join(root, m.dir, filepath.FromSlash(name))
		if inNested(path.Join(m.dir, name), m, modules) {
			continue
		}
		if info, err := os.Lstat(at); err != nil || !info.Mode().IsRegular() {
			continue // deleted and not committed, or a link, which modules do not have
		}
		files = append(files, file{name, at})
	}
	return files, nil
}

// inNested reports whether a file of the checkout lies in a module below m.
func inNested(name string, m gomod, modules []gomod) bool {
	for _, other := range modules {
		below := m.dir == "." || strings.HasPrefix(other.dir, m.dir+"/")
		if other.dir != m.dir && below && strings.HasPrefix(name, other.dir+"/") {
			return true
		}
	}
	return false
}

// file is a zip.File on disk.
type file struct{ name, at string }

func (f file) Path() string                 { return f.name }
func (f file) Lstat() (os.FileInfo, error)  { return os.Lstat(f.at) }
func (f file) Open() (io.ReadCloser, error) { return os.Open(f.at) }
