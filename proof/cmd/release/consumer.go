package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ductile-go/ductile/proof/command"
)

// checkConsumer creates a module that requires all modules of the checkout by their
// version, and builds all packages in it. It then does the same for each module alone,
// which tests the requirements of that module.
func (r *release) checkConsumer(ctx context.Context) result {
	p := proxy{filepath.Join(r.scratch, "proxy")}
	if err := p.add(ctx, r.root, r.modules, r.version); err != nil {
		return result{faults: []string{err.Error()}}
	}
	packages, programs := 0, 0
	var all []content
	for _, m := range r.modules {
		c, err := r.contentOf(ctx, m)
		if err != nil {
			return result{faults: []string{err.Error()}}
		}
		all = append(all, c)
		packages, programs = packages+len(c.packages), programs+len(c.programs)
	}
	if err := r.consume(ctx, p, "all", all); err != nil {
		return result{faults: []string{fmt.Sprintf("a module that imports everything at %s does not build: %v", r.version, err)}}
	}
	for i, m := range r.modules {
		if err := r.consume(ctx, p, fmt.Sprint(i), all[i:i+1]); err != nil {
			return result{faults: []string{fmt.Sprintf("a module that imports only %s at %s does not build: %v", m.path(), r.version, err)}}
		}
	}
	return result{note: fmt.Sprintf("%d packages and %d programs of %d modules build without replace", packages, programs, len(r.modules))}
}

// content is what a module offers to other modules.
type content struct {
	gomod
	packages, programs []string
}

// consume builds the packages and programs of some modules in a module of its own.
func (r *release) consume(ctx context.Context, p proxy, name string, of []content) error {
	dir := filepath.Join(r.scratch, "consumer", name)
	if err := r.writeConsumer(dir, of); err != nil {
		return err
	}
	args := []string{"build", "-o", os.DevNull, "."}
	if out, err := r.goCommand(ctx, dir, p, args...); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	for _, c := range of {
		for _, program := range c.programs {
			args[len(args)-1] = program
			if out, err := r.goCommand(ctx, dir, p, args...); err != nil {
				return fmt.Errorf("%s: %w\n%s", program, err, out)
			}
		}
	}
	return nil
}

// contentOf lists the packages of m that another module can import, and its programs.
func (r *release) contentOf(ctx context.Context, m gomod) (content, error) {
	c := content{gomod: m}
	cmd := command.Context(ctx, "go", "list", "-f", `{{if .GoFiles}}{{.Name}} {{.ImportPath}}{{end}}`, "./...")
	cmd.Dir = filepath.Join(r.root, m.dir)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		return c, fmt.Errorf("go list in %s: %w", m.dir, err)
	}
	for line := range strings.Lines(string(out)) {
		name, pkg, ok := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case !ok || strings.Contains(pkg+"/", "/internal/"):
		case name == "main":
			c.programs = append(c.programs, pkg)
		default:
			c.packages = append(c.packages, pkg)
		}
	}
	return c, nil
}

// writeConsumer writes a module that requires modules at the version and imports their
// packages.
func (r *release) writeConsumer(dir string, of []content) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var mod, sums, code strings.Builder
	fmt.Fprintf(&mod, "module example.com/consumer\n\ngo %s\n\nrequire (\n", r.modules[0].file.Go.Version)
	code.WriteString("package main\n\nimport (\n")
	for _, c := range of {
		fmt.Fprintf(&mod, "\t%s %s\n", c.path(), r.version)
		for _, pkg := range c.packages {
			fmt.Fprintf(&code, "\t_ %q\n", pkg)
		}
	}
	mod.WriteString(")\n")
	code.WriteString(")\n\nfunc main() {}\n")
	for _, m := range r.modules {
		text, err := os.ReadFile(filepath.Join(r.root, m.dir, "go.sum"))
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		sums.Write(text) // of modules by others: ours have no sums yet
	}
	for name, text := range map[string]string{"go.mod": mod.String(), "go.sum": sums.String(), "main.go": code.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// goCommand runs the go command with a module cache of its own, because the user's may
// hold another checkout as the same version. Modules by others come from the user's
// cache, if they are there.
func (r *release) goCommand(ctx context.Context, dir string, p proxy, args ...string) (output string, err error) {
	env, err := command.Context(ctx, "go", "env", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		return "", err
	}
	cache, upstream, _ := strings.Cut(strings.TrimSpace(string(env)), "\n")
	cmd := command.Context(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod -modcacherw", "GONOSUMDB="+r.modules[0].path(),
		"GOMODCACHE="+r.cache,
		"GOPROXY="+p.url()+",file://"+filepath.ToSlash(filepath.Join(cache, "cache", "download"))+","+upstream)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
