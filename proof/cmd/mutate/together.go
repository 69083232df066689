package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ductile-go/ductile/proof/command"
)

// A build of its own for each mutant would take most of the time. So a build has many
// mutants: for each of them a copy of its function, and at the begin of the function a
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
	last     int          // number of a mutant
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

// write writes the files of the build and returns whose mutant's each line is.
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

// rewritten is a file with copies of its functions.
type rewritten struct {
	pkg    string
	src    []byte
	edits  []edit
	copies strings.Builder
	lines  map[int]int // of copies, and whose they are
	next   int         // line of the next copy
}

// edit replaces a part of a file.
type edit struct {
	start, end int
	is         string
}

func apply(src []byte, edits []edit) string {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.start - b.start })
	var b strings.Builder
	at := 0
	for _, e := range edits {
		b.Write(src[at:e.start])
		b.WriteString(e.is)
		at = e.end
	}
	b.Write(src[at:])
	return b.String()
}

func (f *rewritten) text() string { return apply(f.src, f.edits) + f.copies.String() }

// rewrite returns a file with the mutants. It drops those that are no Go and sets those
// alone whose function would do something else in a copy.
func (t *together) rewrite(name string, mutants []mutant) (*rewritten, error) {
	src, err := os.ReadFile(filepath.Join(t.root, name))
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, m := range mutants {
		t.alone[m.number] = true // unless a function has it
	}
	f := &rewritten{pkg: tree.Name.Name, src: src, lines: map[int]int{}, next: bytes.Count(src, []byte("\n")) + 1}
	offset := func(p token.Pos) int { return fset.Position(p).Offset }
	for _, d := range tree.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		c := call{fn: fn, offset: offset}
		begin, end := offset(fn.Pos()), offset(fn.End())
		var cases []string
		group := 0
		for _, m := range mutants {
			if m.start < begin || m.end > end || !c.canMove() {
				continue
			}
			delete(t.alone, m.number)
			copied := fmt.Sprintf("%s__%d", fn.Name.Name, m.number)
			text := apply(src[begin:end], []edit{
				{offset(fn.Name.Pos()) - begin, offset(fn.Name.End()) - begin, copied},
				{m.start - begin, m.end - begin, m.is},
			})
			if _, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, parser.SkipObjectResolution); err != nil {
				delete(t.mutants, m.number)
				continue
			}
			if group == 0 {
				group = m.number
			}
			t.group[m.number] = group
			f.append(text, m.number)
			cases = append(cases, fmt.Sprintf("case %d: %s", m.number, c.of(copied)))
		}
		if len(cases) > 0 {
			f.edits = append(f.edits, c.names...)
			f.edits = append(f.edits, edit{offset(fn.Body.Lbrace) + 1, offset(fn.Body.Lbrace) + 1, fmt.Sprintf(
				"if mutating__ { switch mutant__ { case 0: reach__(%d); %s } };", group, strings.Join(cases, "; "))})
		}
	}
	return f, nil
}

// append appends a copy to the file.
func (f *rewritten) append(text string, number int) {
	f.copies.WriteString("\n" + text)
	for range strings.Count(text, "\n") + 1 {
		f.next++
		f.lines[f.next] = number
	}
}

// call makes calls of the copies of a function.
type call struct {
	fn     *ast.FuncDecl
	offset func(token.Pos) int
	args   []string
	names  []edit // of receiver and parameters that have none
	begun  bool
}

// canMove reports whether a copy of the function does what the function does. One that
// recovers would not be the deferred function itself.
func (c *call) canMove() bool {
	can := true
	ast.Inspect(c.fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			switch f := n.Fun.(type) {
			case *ast.Ident:
				can = can && f.Name != "recover"
			case *ast.SelectorExpr:
				can = can && !strings.HasPrefix(f.Sel.Name, "Caller")
			}
		}
		return true
	})
	return can
}

// of returns the statements that call a copy with the arguments of the function.
func (c *call) of(copied string) string {
	if !c.begun {
		c.begun = true
		if c.fn.Recv != nil {
			c.name(c.fn.Recv)
		}
		c.name(c.fn.Type.Params)
	}
	args := c.args
	if c.fn.Recv != nil {
		copied, args = args[0]+"."+copied, args[1:]
	}
	if generic := c.fn.Type.TypeParams; generic != nil {
		var types []string
		for _, field := range generic.List {
			for _, n := range field.Names {
				types = append(types, n.Name)
			}
		}
		copied += "[" + strings.Join(types, ", ") + "]"
	}
	text := copied + "(" + strings.Join(args, ", ") + ")"
	if c.fn.Type.Results == nil {
		return text + "; return"
	}
	return "return " + text
}

// name adds the parameters to the arguments, and names those without a name.
func (c *call) name(list *ast.FieldList) {
	for _, field := range list.List {
		dots := ""
		if _, ok := field.Type.(*ast.Ellipsis); ok {
			dots = "..."
		}
		if len(field.Names) == 0 {
			name := c.fresh()
			at := c.offset(field.Type.Pos())
			c.names = append(c.names, edit{at, at, name + " "})
			c.args = append(c.args, name+dots)
		}
		for _, n := range field.Names {
			name := n.Name
			if name == "_" {
				name = c.fresh()
				c.names = append(c.names, edit{c.offset(n.Pos()), c.offset(n.End()), name})
			}
			c.args = append(c.args, name+dots)
		}
	}
}

func (c *call) fresh() string { return fmt.Sprintf("arg__%d", len(c.args)) }
