package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mutant is one change to a file.
type mutant struct {
	number     int    // among all, from 1
	file       string // as it was given
	function   string // that contains it: "Name" or "Type.Name"
	operator   string // what is done: "< to <=", "drop return"
	nth        int    // among the mutants of this operator in the function, from 1
	line       int
	start, end int // in bytes
	was, is    string
	context    string // the line, without its indentation
}

// key identifies a mutant by its package, function and operator, and by its place among
// those of the same operator in the function. Keys do not depend on lines, on file names
// or on the names of variables, so a list of keys survives most changes of the code. Two
// changes on one line have different keys.
func (m mutant) key() string {
	return fmt.Sprintf("%s %s | %s #%d", filepath.ToSlash(filepath.Dir(m.file)), m.function, m.operator, m.nth)
}

func (m mutant) String() string {
	return fmt.Sprintf("%s:%d: %s -> %s    in: %s", m.file, m.line, oneLine(m.was), oneLine(m.is), m.context)
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if s == "" {
		return "nothing"
	}
	if len(s) > 60 {
		return s[:40] + "…" + s[len(s)-20:]
	}
	return s
}

// apply returns src with the change.
func (m mutant) apply(src []byte) []byte {
	return slices.Concat(src[:m.start], []byte(m.is), src[m.end:])
}

// finder collects the mutants of one file.
type finder struct {
	name  string
	fn    string // the function that is visited
	src   []byte
	fset  *token.FileSet
	found []mutant
}

func mutantsOf(name string) ([]mutant, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	f := &finder{name: name, src: src, fset: token.NewFileSet()}
	tree, err := parser.ParseFile(f.fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			f.fn = nameOf(fn)
			ast.Inspect(fn.Body, f.visit)
		}
	}
	slices.SortStableFunc(f.found, func(a, b mutant) int { return a.start - b.start })
	type group struct{ function, operator string }
	count := map[group]int{}
	for i, m := range f.found {
		g := group{m.function, m.operator}
		count[g]++
		f.found[i].nth = count[g]
	}
	return f.found, nil
}

// nameOf returns the name of a function, or "Type.Name" of a method.
func nameOf(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	typ := fn.Recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.IndexListExpr:
			typ = t.X
		case *ast.Ident:
			return t.Name + "." + fn.Name.Name
		default:
			return fn.Name.Name
		}
	}
}

func (f *finder) offset(p token.Pos) int { return f.fset.Position(p).Offset }

// add adds a mutant that replaces the source between two positions.
func (f *finder) add(operator string, from, to token.Pos, is string) {
	start, end := f.offset(from), f.offset(to)
	line := f.fset.Position(from).Line
	text := strings.Split(string(f.src), "\n")[line-1]
	f.found = append(f.found, mutant{
		file: f.name, function: f.fn, operator: operator, line: line, start: start, end: end,
		was: string(f.src[start:end]), is: is, context: strings.TrimSpace(text),
	})
}

// replace adds a mutant that replaces a word by another one.
func (f *finder) replace(from token.Pos, was, is string) {
	f.add(was+" to "+is, from, from+token.Pos(len(was)), is)
}

// remove adds a mutant without the statement s.
func (f *finder) remove(kind string, s ast.Node) { f.add("drop "+kind, s.Pos(), s.End(), "") }

func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		for _, op := range others[n.Op] {
			f.replace(n.OpPos, n.Op.String(), op)
		}
		if n.Op == token.LAND || n.Op == token.LOR {
			f.add("drop left of "+n.Op.String(), n.X.Pos(), n.Y.Pos(), "")
			f.add("drop right of "+n.Op.String(), n.X.End(), n.Y.End(), "")
		}
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			f.add("drop !", n.OpPos, n.OpPos+1, "")
		}
	case *ast.IncDecStmt:
		f.replace(n.TokPos, n.Tok.String(), map[token.Token]string{token.INC: "--", token.DEC: "++"}[n.Tok])
	case *ast.AssignStmt:
		f.assignment(n)
	case *ast.CallExpr:
		f.call(n)
	case *ast.ExprStmt:
		f.remove("call", n)
	case *ast.DeferStmt:
		f.remove("defer", n)
	case *ast.IfStmt:
		f.condition(n.Cond)
		f.leaving(n.Body)
	case *ast.BasicLit:
		f.literal(n)
	case *ast.Ident:
		if n.Name == "true" || n.Name == "false" {
			f.replace(n.Pos(), n.Name, opposite[n.Name])
		}
	case *ast.BranchStmt:
		if n.Label == nil && (n.Tok == token.BREAK || n.Tok == token.CONTINUE) {
			f.replace(n.Pos(), n.Tok.String(), opposite[n.Tok.String()])
		}
	}
	return true
}

// others are the replacements of a binary operator: its neighbor and its opposite.
var others = map[token.Token][]string{
	token.LSS: {"<=", ">="}, token.LEQ: {"<", ">"}, token.GTR: {">=", "<="}, token.GEQ: {">", "<"},
	token.EQL: {"!="}, token.NEQ: {"=="},
	token.LAND: {"||"}, token.LOR: {"&&"},
	token.ADD: {"-"}, token.SUB: {"+"}, token.MUL: {"/"}, token.QUO: {"*"}, token.REM: {"*"},
	token.SHL: {">>"}, token.SHR: {"<<"}, token.AND: {"|"}, token.OR: {"&"},
}

var opposite = map[string]string{
	"true": "false", "false": "true", "min": "max", "max": "min", "break": "continue", "continue": "break",
}

func (f *finder) assignment(n *ast.AssignStmt) {
	switch n.Tok {
	case token.ASSIGN:
		f.remove("assignment", n)
	case token.ADD_ASSIGN:
		f.replace(n.TokPos, "+=", "-=")
	case token.SUB_ASSIGN:
		f.replace(n.TokPos, "-=", "+=")
	case token.MUL_ASSIGN:
		f.replace(n.TokPos, "*=", "/=")
	case token.OR_ASSIGN:
		f.replace(n.TokPos, "|=", "&=")
	}
}

func (f *finder) call(n *ast.CallExpr) {
	if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "min" || id.Name == "max") {
		f.replace(id.Pos(), id.Name, opposite[id.Name])
	}
}

// condition adds two mutants of a condition that is not a comparison: one always true, one
// always false. Both still evaluate the condition, which may be a compare-and-swap.
func (f *finder) condition(cond ast.Expr) {
	if b, ok := cond.(*ast.BinaryExpr); ok && len(others[b.Op]) > 0 && b.Op != token.LAND && b.Op != token.LOR {
		return
	}
	text := string(f.src[f.offset(cond.Pos()):f.offset(cond.End())])
	f.add("condition true", cond.Pos(), cond.End(), "("+text+") || true")
	f.add("condition false", cond.Pos(), cond.End(), "("+text+") && false")
}

// leaving removes the return at the end of a conditional block.
func (f *finder) leaving(body *ast.BlockStmt) {
	if len(body.List) == 0 {
		return
	}
	if r, ok := body.List[len(body.List)-1].(*ast.ReturnStmt); ok {
		f.remove("return", r)
	}
}

func (f *finder) literal(n *ast.BasicLit) {
	if n.Kind != token.INT {
		return
	}
	v, err := strconv.ParseInt(n.Value, 0, 64)
	if err != nil {
		return
	}
	f.replace(n.Pos(), n.Value, strconv.FormatInt(v+1, 10))
	if v == 1 {
		f.replace(n.Pos(), n.Value, "0")
	}
}
