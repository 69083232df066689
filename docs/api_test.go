package docs_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// exported is the exported API of one package, as its source declares it.
type exported struct {
	dir, name string
	types     map[string]ast.Expr                 // by name
	methods   map[string]map[string]*ast.FuncDecl // by type and name
	funcs     map[string]*ast.FuncDecl
	vars      map[string]ast.Expr // the values of package variables, nil without one
	bare      []string            // declared without a comment
}

// packages returns the API of every package for users, of every module.
func packages(t *testing.T) []*exported {
	t.Helper()
	var all []*exported
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		switch d.Name() {
		case "internal", "testdata", "bench", "examples", "proof", "docs", "cmd", "browsertest", "promtest", "otlptest", "reporttest", "schematest":
			return filepath.SkipDir
		}
		if strings.HasPrefix(d.Name(), ".") && path != ".." {
			return filepath.SkipDir
		}
		if p := declared(t, path); p != nil {
			all = append(all, p)
		}
		return nil
	}))
	require.Greater(t, len(all), 15)
	return all
}

// declared parses the package in dir. It returns nil if there is none.
func declared(t *testing.T, dir string) *exported {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	var p *exported
	fset := token.NewFileSet()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file) //nolint:gosec // a file of this repository
		require.NoError(t, err)
		parsed, err := parser.ParseFile(fset, file, text, parser.ParseComments|parser.SkipObjectResolution)
		require.NoError(t, err)
		if p == nil {
			p = &exported{
				dir: dir, name: parsed.Name.Name, types: map[string]ast.Expr{},
				methods: map[string]map[string]*ast.FuncDecl{}, funcs: map[string]*ast.FuncDecl{}, vars: map[string]ast.Expr{},
			}
		}
		for _, decl := range parsed.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				p.function(decl)
			case *ast.GenDecl:
				p.group(decl)
			}
		}
	}
	return p
}

func (p *exported) function(decl *ast.FuncDecl) {
	if !decl.Name.IsExported() {
		return
	}
	name, at := decl.Name.Name, p.funcs
	if decl.Recv != nil {
		of := base(decl.Recv.List[0].Type)
		if !ast.IsExported(of) {
			return
		}
		if p.methods[of] == nil {
			p.methods[of] = map[string]*ast.FuncDecl{}
		}
		name, at = of+"."+name, p.methods[of]
	}
	at[decl.Name.Name] = decl
	if decl.Doc == nil {
		p.bare = append(p.bare, name)
	}
}

func (p *exported) group(decl *ast.GenDecl) {
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() {
				p.types[spec.Name.Name] = spec.Type
				p.comment(spec.Name.Name, decl.Doc, spec.Doc, spec.Comment)
			}
		case *ast.ValueSpec:
			for i, name := range spec.Names {
				if !name.IsExported() {
					continue
				}
				p.comment(name.Name, decl.Doc, spec.Doc, spec.Comment)
				if decl.Tok != token.VAR {
					continue
				}
				p.vars[name.Name] = nil
				if i < len(spec.Values) {
					p.vars[name.Name] = spec.Values[i]
				}
			}
		}
	}
}

// comment notes a name that none of the comments describes.
func (p *exported) comment(name string, docs ...*ast.CommentGroup) {
	if !slices.ContainsFunc(docs, func(c *ast.CommentGroup) bool { return c != nil }) {
		p.bare = append(p.bare, name)
	}
}

// base returns the name of a receiver's type.
func base(expr ast.Expr) string {
	switch expr := expr.(type) {
	case *ast.StarExpr:
		return base(expr.X)
	case *ast.IndexExpr:
		return base(expr.X)
	case *ast.IndexListExpr:
		return base(expr.X)
	case *ast.Ident:
		return expr.Name
	}
	return ""
}

// source returns an expression as written, with the names of package policy qualified.
func (p *exported) source(node any) string {
	var b bytes.Buffer
	_ = printer.Fprint(&b, token.NewFileSet(), node)
	text := strings.Join(strings.Fields(b.String()), " ")
	if p.name == "policy" {
		text = regexp.MustCompile(`\b(Clock|Observer|Outcome|EventKind|Description|Priority|Event)\b`).ReplaceAllString(text, "policy.$1")
	}
	return text
}

// signature returns the types of a function's parameters and results.
func (p *exported) signature(decl *ast.FuncDecl) string {
	list := func(fields *ast.FieldList) string {
		var all []string
		if fields != nil {
			for _, f := range fields.List {
				for range max(1, len(f.Names)) {
					all = append(all, p.source(f.Type))
				}
			}
		}
		return "(" + strings.Join(all, ", ") + ")"
	}
	return list(decl.Type.Params) + " " + list(decl.Type.Results)
}

// fields returns the exported fields of a struct and their tags, by name.
func (p *exported) fields(name string) (types, tags map[string]string) {
	types, tags = map[string]string{}, map[string]string{}
	if s, ok := p.types[name].(*ast.StructType); ok {
		for _, f := range s.Fields.List {
			for _, n := range f.Names {
				if !n.IsExported() {
					continue
				}
				types[n.Name] = p.source(f.Type)
				if f.Tag != nil {
					tags[n.Name] = f.Tag.Value
				}
			}
		}
	}
	return types, tags
}

// odd is what differs from the rest of the library on purpose. A line that no test needs
// any more fails.
type odd struct {
	allowed map[string]string // "breaker.Circuit.Name" to the reason
	used    map[string]bool
}

func oddities(allowed map[string]string) *odd { return &odd{allowed, map[string]bool{}} }

// is reports whether name may differ.
func (o *odd) is(name string) bool {
	_, ok := o.allowed[name]
	o.used[name] = o.used[name] || ok
	return ok
}

func (o *odd) done(t *testing.T) {
	t.Helper()
	for name := range o.allowed {
		assert.True(t, o.used[name], "%s does not differ any more", name)
	}
}

func TestEveryExportedNameHasAComment(t *testing.T) {
	for _, p := range packages(t) {
		assert.Empty(t, p.bare, p.dir)
	}
}

// TestEqualNamesHaveEqualSignatures walks the methods and the fields of configs that many
// packages share.
func TestEqualNamesHaveEqualSignatures(t *testing.T) {
	methods := map[string]string{
		"Name": `\(\) \(string\)`, "Clock": `\(\) \(policy\.Clock\)`, "String": `\(\) \(string\)`,
		"Describe": `\(\) \(policy\.Description\)`, "Validate": `\(\) \(error\)`, "Config": `\(\) \(\w*Config(\[K, T\])?\)`,
		"Snapshot": `\(\) \(\w*Snapshot\)`, "Reconfigure": `\(\w*Config\) \(error\)`, "Error": `\(\) \(string\)`,
		"Is": `\(error\) \(bool\)`, "RetryAfter": `\(\) \(time\.Duration\)`,
		"WithObserver": `\(policy\.Observer, \.\.\.policy\.EventKind\) \(.+\)`, "Observe": `\(context\.Context, policy\.Event\) \(\)`,
		"Do": `\(context\.Context, (policy\.)?Func\[T\]\) \(T, error\)`, "Execute": `\(context\.Context, (policy\.)?Call\[T\]\) \(T, error\)`,
		"Watch": `\(.+\) \(func\(\)\)`, "LogValue": `\(\) \(slog\.Value\)`,
	}
	fields := map[string]string{
		"Name": "string", "Clock": `policy\.Clock`, "Rand": `func\(\) float64`, "Observer": `policy\.Observer`,
		"Classify": `func\(error\) policy\.Outcome`, "RetryIf": `func\(error\) bool`, "MaxWait": `time\.Duration`, "MaxQueue": "int",
		"Priority": `func\(ctx context\.Context\) policy\.Priority`, "Budget": `\*(retry\.)?Budget`, "Circuit": `\*(breaker\.)?Circuit`,
	}
	differs := oddities(apart)
	for _, p := range packages(t) {
		for of, all := range p.methods {
			for name, decl := range all {
				if want := methods[name]; want != "" && !regexp.MustCompile("^"+want+"$").MatchString(p.signature(decl)) {
					assert.True(t, differs.is(p.name+"."+of+"."+name), "%s.%s.%s%s, want %s", p.name, of, name, p.signature(decl), want)
				}
			}
		}
		for of := range p.types {
			if !strings.HasSuffix(of, "Config") {
				continue
			}
			types, _ := p.fields(of)
			for name, typ := range types {
				if want := fields[name]; want != "" && !regexp.MustCompile("^"+want+"$").MatchString(typ) {
					assert.True(t, differs.is(p.name+"."+of+"."+name), "%s.%s.%s is a %s, want %s", p.name, of, name, typ, want)
				}
			}
		}
	}
	differs.done(t)
}

// TestPoliciesAndStateHaveTheUsualMethods checks what a user who knows one package expects
// of the next.
func TestPoliciesAndStateHaveTheUsualMethods(t *testing.T) {
	lacks := oddities(without)
	for _, p := range packages(t) {
		for _, of := range slices.Sorted(maps.Keys(p.types)) {
			var want []string
			_, iface := p.types[of].(*ast.InterfaceType)
			has := p.methods[of]
			switch {
			case iface:
			case strings.HasSuffix(of, "Config"):
				want = []string{"Validate"}
			case strings.HasSuffix(of, "Error") && has["Is"] != nil:
				want = []string{"Error"}
			case strings.HasSuffix(of, "Error"):
				want = []string{"Error", "Unwrap"}
			case has["Execute"] != nil && has["Do"] != nil:
				want = []string{"String", "Describe", "Clock"}
			case has["Snapshot"] != nil:
				want = []string{"Name"}
			}
			for _, name := range want {
				if has[name] == nil {
					assert.True(t, lacks.is(p.name+"."+of+"."+name), "%s.%s has no method %s", p.name, of, name)
				}
			}
		}
	}
	lacks.done(t)
}

func TestMethodsNamedWithReturnACopy(t *testing.T) {
	for _, p := range packages(t) {
		for of, all := range p.methods {
			for name, decl := range all {
				if !strings.HasPrefix(name, "With") || len(name) == 4 || strings.HasPrefix(name, "Without") {
					continue
				}
				if name == "WithDefaults" || strings.HasPrefix(name, "WithTimeout") { // of a Config and of a Clock
					continue
				}
				require.NotNil(t, decl.Type.Results, "%s.%s.%s", p.name, of, name)
				assert.Equal(t, of, base(decl.Type.Results.List[0].Type), "%s.%s.%s", p.name, of, name)
			}
		}
	}
}

func TestSentinelErrorsNameTheirPackage(t *testing.T) {
	for _, p := range packages(t) {
		for name, value := range p.vars {
			if !strings.HasPrefix(name, "Err") || value == nil {
				continue
			}
			text := p.source(value)
			if strings.HasPrefix(text, "errors.New") {
				assert.True(t, strings.HasPrefix(text, `errors.New("`+p.name+`: `), "%s.%s is %s", p.name, name, text)
			}
		}
	}
}

// TestSnapshotsMarshalWithLowerCaseNames checks the tag of each field of each snapshot.
func TestSnapshotsMarshalWithLowerCaseNames(t *testing.T) {
	tag := regexp.MustCompile("^`json:\"([a-z0-9_]+(,[a-z]+)*|-)\"`$")
	for _, p := range packages(t) {
		for of := range p.types {
			if !strings.HasSuffix(of, "Snapshot") {
				continue
			}
			types, tags := p.fields(of)
			for name := range types {
				assert.Regexp(t, tag, tags[name], "%s.%s.%s", p.name, of, name)
			}
		}
	}
}
