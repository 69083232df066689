// Package schema makes a JSON Schema, draft 2020-12, of a table of types.
package schema

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ductile-go/ductile/ductileconfig/internal/decode"
	"github.com/ductile-go/ductile/ductileconfig/internal/table"
)

type object = map[string]any

// nameTypes are those of a name, which may look like a number: a tenant is called 2024.
var nameTypes = []string{"string", "number", "boolean", "null"}

// Of returns the schema of a document of type root.
func Of(root *table.Type, id, title string) []byte {
	g := &generator{defs: object{}}
	out := g.structure(root)
	out["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	out["$id"], out["title"] = id, title
	properties := out["properties"].(object)
	delete(properties, decode.Extends)
	if slices.Contains(root.Extra, decode.Defaults) {
		properties[decode.Defaults] = g.defaults(root)
	}
	if len(g.defs) > 0 {
		out["$defs"] = g.defs
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		panic(err) // there is nothing in it that JSON does not have
	}
	return append(text, '\n')
}

type generator struct{ defs object }

// Name returns the name of a struct type in "$defs".
func Name(t *table.Type) string {
	return table.Snake(strings.TrimSuffix(t.Go.Name(), "Spec"))
}

func (g *generator) structure(t *table.Type) object {
	properties := object{decode.Extends: object{
		"type":        nameTypes,
		"description": "The name of an anchor, or of another of the same section, with whose values this one begins",
	}}
	for _, f := range t.Fields {
		properties[f.Key] = g.field(f)
	}
	return object{"type": "object", "properties": properties, "additionalProperties": false}
}

func (g *generator) field(f *table.Field) object {
	out := g.value(f.Type, &f.Fact)
	out["description"] = f.Doc
	if f.Default != "" {
		out["default"] = plain(f.Default)
	}
	return out
}

// plain returns a default as JSON has it.
func plain(text string) any {
	if number, err := strconv.ParseFloat(text, 64); err == nil {
		return number
	}
	return text
}

// value returns the schema of a value, or of null.
func (g *generator) value(t *table.Type, fact *table.Fact) object {
	null := object{"type": "null"}
	switch t.Kind {
	case table.Struct:
		either := []object{g.reference(t)}
		if t.Single {
			either = append(either, object{"type": "string"})
		}
		return object{"anyOf": append(either, null)}
	case table.Map:
		return object{
			"type":                 []string{"object", "null"},
			"additionalProperties": g.value(t.Elem, fact),
			"propertyNames":        object{"pattern": `^[^.]+$`},
		}
	case table.List:
		return object{"type": []string{"array", "null"}, "items": g.value(t.Elem, fact)}
	case table.Bool:
		return object{"type": []string{"boolean", "null"}}
	case table.Duration:
		return notZero(object{"type": []string{"string", "null"}, "pattern": orWords(decode.DurationPattern, fact)}, fact)
	case table.String, table.Word:
		return text(t, fact)
	}
	return object{"anyOf": append(numbers(t, fact), null)}
}

func (g *generator) reference(t *table.Type) object {
	name := Name(t)
	if g.defs[name] == nil {
		g.defs[name] = object{} // for types that hold themselves
		g.defs[name] = g.structure(t)
	}
	return object{"$ref": "#/$defs/" + name}
}

// notZero adds to the schema of a text that it is not zero, if that would mean a default.
func notZero(o object, fact *table.Fact) object {
	if fact.Default == "" || fact.Zero {
		return o
	}
	pattern := "[1-9]"
	if words := fact.WordList(); len(words) > 0 {
		pattern += "|^(" + strings.Join(words, "|") + ")$"
	}
	o["allOf"] = []object{{"pattern": pattern}}
	return o
}

// percentages returns the pattern of those up to a limit, a power of ten.
func percentages(limit float64) string {
	most := strconv.FormatFloat(100*limit, 'f', -1, 64)
	return `^((0|[1-9][0-9]{0,` + strconv.Itoa(len(most)-2) + `})(\.[0-9]+)?|` + most + `(\.0+)?)%$`
}

// orWords returns a pattern that also has the words for special values.
func orWords(pattern string, fact *table.Fact) string {
	words := fact.WordList()
	if len(words) == 0 {
		return pattern
	}
	inner := strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$")
	return "^(" + strings.Join(append([]string{inner}, words...), "|") + ")$"
}

func text(t *table.Type, fact *table.Fact) object {
	if len(fact.Enum) == 0 && t.Kind == table.Word {
		return object{"type": []string{"string", "number", "null"}}
	}
	if len(fact.Enum) == 0 && fact.Want == "" {
		return object{"type": nameTypes}
	}
	if len(fact.Enum) == 0 {
		return object{"type": []string{"string", "null"}}
	}
	enum := []any{}
	for _, word := range fact.Enum {
		enum = append(enum, word)
	}
	if t.Kind == table.Word || fact.Known {
		return object{"enum": append(enum, nil)}
	}
	return object{"anyOf": []object{{"enum": enum}, {"type": []string{"string", "null"}}}}
}

// numbers returns the alternatives of a number.
func numbers(t *table.Type, fact *table.Fact) []object {
	number, low := object{"type": "number"}, "minimum"
	if fact.Default != "" && !fact.Zero {
		low = "exclusiveMinimum"
	}
	number[low] = 0
	if t.Kind == table.Int || t.Kind == table.Uint {
		number["type"] = "integer"
	}
	out := []object{number}
	if t.Kind == table.Rate {
		number["maximum"] = fact.Limit()
		return append(out, notZero(object{"type": "string", "pattern": orWords(percentages(fact.Limit()), fact)}, fact))
	}
	if len(fact.Words) > 0 {
		out = append(out, object{"enum": fact.WordList()})
	}
	return out
}

// defaults returns the schema of the section "defaults": keys that are kinds have their
// types, and others are free.
func (g *generator) defaults(root *table.Type) object {
	properties := object{}
	kinds := root.Kinds()
	for _, key := range slices.Sorted(maps.Keys(kinds)) {
		properties[key] = g.value(kinds[key], &table.Fact{})
	}
	return object{
		"type": []string{"object", "null"}, "properties": properties,
		"description": "Mappings that others extend. They have no effect by themselves",
	}
}
