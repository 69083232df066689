package ductileconfig_test

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/ductileconfig/internal/decode"
	"github.com/ductile-go/ductile/ductileconfig/internal/facts"
	"github.com/ductile-go/ductile/ductileconfig/internal/schema"
	"github.com/ductile-go/ductile/ductileconfig/internal/table"
)

const page = "../docs/configuration.md"

// With -update, the tests write what is made from the table of fields.
var update = flag.Bool("update", false, "write docs/configuration.md and docs/ductile.schema.json")

// made checks that a file has a text, or writes it.
func made(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644)) //nolint:gosec // a file of the repository
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, want, string(got), "go test -run Docs -update writes it")
}

func TestDocsHaveTheSchema(t *testing.T) {
	made(t, "../docs/ductile.schema.json", string(ductileconfig.Schema()))
}

func TestDocsHaveEveryField(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), "<!-- fields -->\n")
	require.True(t, ok)
	_, after, ok := strings.Cut(rest, "<!-- end of fields -->\n")
	require.True(t, ok)
	made(t, page, before+"<!-- fields -->\n"+tables()+"<!-- end of fields -->\n"+after)
}

func TestDocsHaveEveryFieldOfWatchConfig(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	_, reload, ok := strings.Cut(string(text), "\n## Reload\n")
	require.True(t, ok)
	for _, field := range reflect.VisibleFields(reflect.TypeFor[ductileconfig.WatchConfig]()) {
		assert.Contains(t, reload, "| `"+field.Name+"` |")
	}
}

// tables returns a table for each struct of a Spec: those of the sections first, in their
// order, then those that stand in them.
func tables() string {
	var b strings.Builder
	var inner []*table.Type
	done := map[*table.Type]bool{}
	write := func(title string, typ *table.Type) {
		if done[typ] {
			return
		}
		done[typ] = true
		fmt.Fprintf(&b, "\n### %s\n\n| field | value | default | |\n|---|---|---|---|\n", title)
		for _, f := range typ.Fields {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Key, valueOf(f), f.Default, f.Doc)
			if f.Type.Kind == table.Struct {
				inner = append(inner, f.Type)
			}
		}
	}
	for _, f := range facts.Spec().Fields {
		write(f.Key, f.Type.Elem)
		fmt.Fprintf(&b, "\n%s.\n", f.Doc)
	}
	for len(inner) > 0 {
		typ := inner[0]
		inner = inner[1:]
		write(strings.ReplaceAll(schema.Name(typ), "co_del", "delay"), typ)
	}
	return b.String() + "\n"
}

// valueOf returns what a field may be.
func valueOf(f *table.Field) string {
	kind := map[table.Kind]string{
		table.Duration: "duration", table.Rate: "share", table.Float: "number", table.Int: "whole number", table.Uint: "whole number",
		table.Bool: "true, false", table.String: "name", table.Struct: "mapping",
	}[f.Type.Kind]
	if len(f.Enum) > 0 {
		kind = "`" + strings.Join(f.Enum, "`, `") + "`"
	}
	for _, word := range f.WordList() {
		if !strings.HasSuffix(decode.Want(f.Type, &f.Fact), word) && word == "none" {
			continue // the word for what zero means
		}
		kind += ", `" + word + "`"
	}
	return kind
}

func TestDocsShowFilesThatLoad(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)<!-- yaml: \\w+ -->\n```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	require.Len(t, blocks, 2)
	for _, block := range blocks {
		spec, err := ductileconfig.Load(ductileconfig.Bytes(page, []byte(block[1])))
		require.NoError(t, err)
		build(t, spec)
	}
}

func TestDocsShowTheFaultsOfAFile(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	_, err = ductileconfig.Load(ductileconfig.Bytes("ductile.yaml", []byte("circuits:\n  stripe:\n    recovery_timout: 60s\n    failure_rate: 7\n")))
	assert.Contains(t, string(text), "<!-- faults -->\n```\n"+err.Error()+"\n```\n")
}

func TestDocsShowVariablesThatLoad(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	var list []string
	for _, match := range regexp.MustCompile(`(?m)^    (DUCTILE__.*)$`).FindAllStringSubmatch(string(text), -1) {
		list = append(list, match[1])
	}
	require.Len(t, list, 3)
	spec, err := ductileconfig.Load(ductileconfig.Environ("", list))
	require.NoError(t, err)
	assert.Equal(t, 5, spec.Pipelines["charge"].Retry.MaxAttempts)
}

// Receipt is what a charge of the page returns.
type Receipt struct{ State string }

// TestDocsShowCodeThatCompiles has the code of the page, which stands in here as it does
// there, up to the indentation.
func TestDocsShowCodeThatCompiles(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	source, err := os.ReadFile("docs_code_test.go")
	require.NoError(t, err)
	for _, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[1]) {
			assert.Contains(t, string(source), strings.TrimSpace(line))
		}
	}
}
