package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// rewritten is a file with copies of its functions.
type rewritten struct {
	pkg    string
	src    []byte
	edits  []edit
	copies strings.Builder
	lines  map[int]int // the mutants of the lines of copies
	next   int         // the line before the next copy
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

// rewrite returns a file with the mutants. It drops those that do not parse, and sets
// those alone whose function would do something else in a copy.
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
	for _, d := range tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			c := call{fn: fn, offset: func(p token.Pos) int { return fset.Position(p).Offset }}
			if c.canMove() {
				t.copy(f, c, mutants)
			}
		}
	}
	return f, nil
}

// copy adds the copies of a function to f, and to the function the switch between them.
func (t *together) copy(f *rewritten, c call, mutants []mutant) {
	begin, end := c.offset(c.fn.Pos()), c.offset(c.fn.End())
	name := edit{start: c.offset(c.fn.Name.Pos()) - begin, end: c.offset(c.fn.Name.End()) - begin}
	var cases []string
	group := 0
	for _, m := range mutants {
		if m.start < begin || m.end > end {
			continue
		}
		delete(t.alone, m.number)
		name.is = fmt.Sprintf("%s__%d", c.fn.Name.Name, m.number)
		text := apply(f.src[begin:end], []edit{name, {m.start - begin, m.end - begin, m.is}})
		if _, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, parser.SkipObjectResolution); err != nil {
			delete(t.mutants, m.number)
			continue
		}
		f.append(text, m.number)
		cases = append(cases, fmt.Sprintf("case %d: %s", m.number, c.of(name.is)))
		if group == 0 {
			group = m.number
		}
		t.group[m.number] = group
	}
	if len(cases) == 0 {
		return
	}
	at := c.offset(c.fn.Body.Lbrace) + 1
	f.edits = append(append(f.edits, c.names...), edit{at, at, fmt.Sprintf(
		"if mutating__ { switch mutant__ { case 0: reach__(%d); %s } };", group, strings.Join(cases, "; "))})
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
	named  bool
	args   []string // the receiver, if there is one, and the parameters
	names  []edit   // of those that have none
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
	if !c.named {
		c.named = true
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
