package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
)

// mutant is one change to a file.
type mutant struct {
	file       string // as it was given
	function   string // that it is in
	line       int
	start, end int // in bytes
	was, is    string
	context    string // the line as it was, without its indentation
	nth        int    // of those that are otherwise the same, from 1
}

// key names a mutant by what it changes and not by where, so that it is still
// known when lines have moved. Where a function has several that are the same in
// that, the second ends with #2.
func (m mutant) key() string {
	key := m.change()
	if m.nth > 1 {
		key = fmt.Sprintf("%s #%d", key, m.nth)
	}
	return key
}

func (m mutant) change() string {
	return fmt.Sprintf("%s %s | %s | %s -> %s", m.file, m.function, m.context, oneLine(m.was), oneLine(m.is))
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

// apply returns the source with the change made.
func (m mutant) apply(src []byte) []byte {
	return slices.Concat(src[:m.start], []byte(m.is), src[m.end:])
}

// finder collects the mutants of one file.
type finder struct {
	name  string
	fn    string // that is being looked at
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
			f.fn = fn.Name.Name
			ast.Inspect(fn.Body, f.visit)
		}
	}
	slices.SortStableFunc(f.found, func(a, b mutant) int { return a.start - b.start })
	same := map[string]int{}
	for i, m := range f.found {
		same[m.change()]++
		f.found[i].nth = same[m.change()]
	}
	return f.found, nil
}

func (f *finder) offset(p token.Pos) int { return f.fset.Position(p).Offset }

// add adds a mutant that puts is in the place of what lies from one position
// to another.
func (f *finder) add(from, to token.Pos, is string) {
	start, end := f.offset(from), f.offset(to)
	line := f.fset.Position(from).Line
	text := strings.Split(string(f.src), "\n")[line-1]
	f.found = append(f.found, mutant{
		file: f.name, function: f.fn, line: line, start: start, end: end,
		was: string(f.src[start:end]), is: is, context: strings.TrimSpace(text),
	})
}

// remove takes a statement out.
func (f *finder) remove(s ast.Node) { f.add(s.Pos(), s.End(), "") }

func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		for _, op := range others[n.Op] {
			f.add(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), op)
		}
		if n.Op == token.LAND || n.Op == token.LOR {
			f.add(n.X.Pos(), n.Y.Pos(), "")
			f.add(n.X.End(), n.Y.End(), "")
		}
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			f.add(n.OpPos, n.OpPos+1, "")
		}
	case *ast.IncDecStmt:
		f.add(n.TokPos, n.TokPos+2, map[token.Token]string{token.INC: "--", token.DEC: "++"}[n.Tok])
	case *ast.AssignStmt:
		f.assignment(n)
	case *ast.CallExpr:
		f.call(n)
	case *ast.ExprStmt, *ast.DeferStmt:
		f.remove(n)
	case *ast.IfStmt:
		f.condition(n.Cond)
		f.leaving(n.Body)
	case *ast.BasicLit:
		f.literal(n)
	case *ast.Ident:
		if other, ok := opposite[n.Name]; ok && (n.Name == "true" || n.Name == "false") {
			f.add(n.Pos(), n.End(), other)
		}
	case *ast.BranchStmt:
		if n.Label == nil && (n.Tok == token.BREAK || n.Tok == token.CONTINUE) {
			f.add(n.Pos(), n.End(), opposite[n.Tok.String()])
		}
	}
	return true
}

// others are what a binary operator is changed to: its neighbour and its
// opposite.
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
		f.remove(n)
	case token.ADD_ASSIGN:
		f.add(n.TokPos, n.TokPos+2, "-=")
	case token.SUB_ASSIGN:
		f.add(n.TokPos, n.TokPos+2, "+=")
	case token.MUL_ASSIGN:
		f.add(n.TokPos, n.TokPos+2, "/=")
	case token.OR_ASSIGN:
		f.add(n.TokPos, n.TokPos+2, "&=")
	}
}

func (f *finder) call(n *ast.CallExpr) {
	if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "min" || id.Name == "max") {
		f.add(id.Pos(), id.End(), opposite[id.Name])
	}
}

// condition makes one that is no comparison always and never true. It is still
// evaluated: a compare-and-swap swaps.
func (f *finder) condition(cond ast.Expr) {
	if b, ok := cond.(*ast.BinaryExpr); ok && len(others[b.Op]) > 0 && b.Op != token.LAND && b.Op != token.LOR {
		return
	}
	text := string(f.src[f.offset(cond.Pos()):f.offset(cond.End())])
	f.add(cond.Pos(), cond.End(), "("+text+") || true")
	f.add(cond.Pos(), cond.End(), "("+text+") && false")
}

// leaving takes out the return that a condition guards.
func (f *finder) leaving(body *ast.BlockStmt) {
	if len(body.List) == 0 {
		return
	}
	if r, ok := body.List[len(body.List)-1].(*ast.ReturnStmt); ok {
		f.remove(r)
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
	f.add(n.Pos(), n.End(), strconv.FormatInt(v+1, 10))
	if v == 1 {
		f.add(n.Pos(), n.End(), "0")
	}
}
