package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/registry"
)

//go:embed ductile.yaml
var declared string

// reload is the result of one, as Watch passes it to OnReload.
type reload struct {
	changes registry.Changes
	err     error
}

// operator edits the file of a service.
type operator struct {
	dir, path string
	text      string
	mounted   int // versions, once the file is mounted as Kubernetes mounts it
	reloads   chan reload
	ended     chan error // of Watch
}

// newOperator writes the file into a directory of its own.
func newOperator() (*operator, error) {
	dir, err := os.MkdirTemp("", "configured")
	if err != nil {
		return nil, err
	}
	o := &operator{
		dir: dir, path: filepath.Join(dir, "ductile.yaml"), text: declared,
		reloads: make(chan reload, 1), ended: make(chan error, 1),
	}
	return o, os.WriteFile(o.path, []byte(o.text), 0o600)
}

func (o *operator) load() (registry.Spec, error) {
	return ductileconfig.Load(ductileconfig.File(o.path))
}

// watch makes r follow the file until ctx ends. It looks at the file each time that every has
// passed.
func (o *operator) watch(ctx context.Context, r *registry.Registry, every time.Duration) {
	cfg := ductileconfig.WatchConfig{Every: every, OnReload: func(c registry.Changes, err error) {
		select {
		case o.reloads <- reload{c, err}:
		case <-ctx.Done():
		}
	}}
	go func() { o.ended <- ductileconfig.Watch(ctx, r, cfg, ductileconfig.File(o.path)) }()
}

// edit replaces texts in the file, as strings.NewReplacer does, and returns what the reload
// did.
func (o *operator) edit(ctx context.Context, oldnew ...string) (reload, error) {
	text := strings.NewReplacer(oldnew...).Replace(o.text)
	if text == o.text {
		return reload{}, fmt.Errorf("the file has no %q to edit", oldnew[0])
	}
	if err := o.save(text); err != nil {
		return reload{}, err
	}
	select {
	case done := <-o.reloads:
		return done, nil
	case <-ctx.Done():
		return reload{}, context.Cause(ctx)
	}
}

// save replaces the file: a rename over it, as editors do, or once it is mounted, the swap
// of a link to its directory.
func (o *operator) save(text string) error {
	o.text = text
	if o.mounted > 0 {
		return o.swap()
	}
	next := o.path + "~"
	return errors.Join(os.WriteFile(next, []byte(text), 0o600), os.Rename(next, o.path))
}

// mount makes the file a link to ..data/ductile.yaml, where ..data is itself a link to a
// directory with a version of its own, as in a volume of Kubernetes.
func (o *operator) mount() error {
	link := filepath.Join(o.dir, "link")
	return errors.Join(o.swap(), os.Symlink(filepath.Join("..data", "ductile.yaml"), link), os.Rename(link, o.path))
}

// swap writes a directory with the next version, and turns ..data to it in one step.
func (o *operator) swap() error {
	o.mounted++
	version := func(n int) string { return fmt.Sprintf("..version-%d", n) }
	next := filepath.Join(o.dir, version(o.mounted))
	link := filepath.Join(o.dir, "..data_tmp")
	return errors.Join(
		os.Mkdir(next, 0o700),
		os.WriteFile(filepath.Join(next, "ductile.yaml"), []byte(o.text), 0o600),
		os.Symlink(version(o.mounted), link),
		os.Rename(link, filepath.Join(o.dir, "..data")),
		os.RemoveAll(filepath.Join(o.dir, version(o.mounted-1))),
	)
}
