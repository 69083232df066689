// Package table describes the types that configuration is decoded into: one table for
// the decoder, the schema, the documentation and their tests.
package table

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Kind says how a value is written.
type Kind uint8

// The kinds of types.
const (
	Struct   Kind = iota + 1 // a mapping with known keys
	Map                      // a mapping with names of the user's choosing
	List                     // a list
	Duration                 // 30s
	Rate                     // 0.5 or 50%
	Float
	Int
	Uint
	Bool
	String
	Word // text that the type itself reads
)

// Type is a type that can be decoded.
type Type struct {
	Kind   Kind
	Go     reflect.Type
	Fields []*Field          // of a Struct
	Elem   *Type             // of a Map or List
	Single bool              // a Struct that may also be written as one Word
	Extra  []string          // further keys of a Struct, which are decoded apart
	Out    map[string]string // why fields of a Struct are no keys, by what their keys would be
}

// Field is a key of a Struct.
type Field struct {
	Name  string // "retry.Config.MaxAttempts"
	Key   string // "max_attempts"
	Index []int
	Type  *Type
	Fact
}

// Fact is what reflection does not know of a field.
type Fact struct {
	Doc     string         // a phrase that describes it, without a period
	Default string         // what zero means; "" if zero means no more than zero
	Words   map[string]any // words for special values: "unlimited" for -1
	Rate    bool           // a float64 that is a share
	Max     float64        // of a Rate; 0 means 1
	Enum    []string       // the texts of a Word, or of a String
	Known   bool           // a String has no other texts than Enum
	Want    string         // replaces what is said to be wanted
	Zero    bool           // zero may be written though it means Default
}

// Facts are the facts of fields by their names, and the reasons why fields are left out.
type Facts struct {
	Fields map[string]Fact
	Out    map[string]string
}

// Build returns the table of a struct type. Every field has a fact or a reason to be left
// out: it panics otherwise, so that no field is forgotten.
func Build(t reflect.Type, facts Facts) *Type {
	b := &builder{facts: facts, types: map[reflect.Type]*Type{}}
	return b.build(t, Fact{})
}

type builder struct {
	facts Facts
	types map[reflect.Type]*Type
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func (b *builder) build(t reflect.Type, fact Fact) *Type {
	single := reflect.PointerTo(t).Implements(textType)
	switch {
	case t.Kind() == reflect.Pointer:
		return b.build(t.Elem(), fact)
	case t == durationType:
		return &Type{Kind: Duration, Go: t}
	case t.Kind() == reflect.Struct && t.NumField() > 0:
		return b.structure(t, single)
	case single:
		return &Type{Kind: Word, Go: t}
	}
	switch t.Kind() {
	case reflect.Map:
		return &Type{Kind: Map, Go: t, Elem: b.build(t.Elem(), fact)}
	case reflect.Slice:
		return &Type{Kind: List, Go: t, Elem: b.build(t.Elem(), fact)}
	case reflect.Float64:
		if fact.Rate {
			return &Type{Kind: Rate, Go: t}
		}
		return &Type{Kind: Float, Go: t}
	case reflect.Int:
		return &Type{Kind: Int, Go: t}
	case reflect.Uint64:
		return &Type{Kind: Uint, Go: t}
	case reflect.Bool:
		return &Type{Kind: Bool, Go: t}
	case reflect.String:
		return &Type{Kind: String, Go: t}
	}
	panic(fmt.Sprintf("table: %v cannot be decoded", t))
}

func (b *builder) structure(t reflect.Type, single bool) *Type {
	if known := b.types[t]; known != nil {
		return known
	}
	out := &Type{Kind: Struct, Go: t, Single: single, Out: map[string]string{}}
	b.types[t] = out
	b.addFields(out, t, nil)
	return out
}

// addFields adds the fields of a struct, and those of the structs that it embeds.
func (b *builder) addFields(out *Type, t reflect.Type, index []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(index), i)
		if f.Anonymous {
			b.addFields(out, f.Type, at)
			continue
		}
		name := Name(t, f)
		if reason := b.facts.Reason(t, f); reason != "" {
			out.Out[key(f)] = reason
			continue
		}
		fact, ok := b.facts.Fields[name]
		if !ok {
			panic("table: no fact for " + name)
		}
		out.Fields = append(out.Fields, &Field{Name: name, Key: key(f), Index: at, Type: b.build(f.Type, fact), Fact: fact})
	}
}

// Name returns "retry.Config.MaxAttempts".
func Name(t reflect.Type, f reflect.StructField) string { return t.String() + "." + f.Name }

// Reason returns why a field is no key, or "".
func (facts Facts) Reason(t reflect.Type, f reflect.StructField) string {
	if reason := facts.Out[Name(t, f)]; reason != "" {
		return reason
	}
	switch {
	case f.Type.Kind() == reflect.Func:
		return "a function cannot be written in a file"
	case f.Type.Kind() == reflect.Interface:
		return "an implementation cannot be written in a file"
	}
	return ""
}

func key(f reflect.StructField) string {
	if tag := f.Tag.Get("config"); tag != "" {
		return tag
	}
	return Snake(f.Name)
}

// Snake returns a Go name in snake_case: "MaxQueue" as "max_queue", "TTL" as "ttl".
func Snake(name string) string {
	var out strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 {
			next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if runes[i-1] != '_' && (next || !unicode.IsUpper(runes[i-1])) {
				out.WriteByte('_')
			}
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

// Field returns the field of a key, or nil.
func (t *Type) Field(key string) *Field {
	for _, f := range t.Fields {
		if f.Key == key {
			return f
		}
	}
	return nil
}

// Keys returns the keys of a Struct.
func (t *Type) Keys() []string {
	out := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		out[i] = f.Key
	}
	return out
}

// Limit returns the greatest value of a Rate.
func (f *Fact) Limit() float64 {
	if f.Max > 0 {
		return f.Max
	}
	return 1
}

// WordList returns the words for special values in order.
func (f *Fact) WordList() []string { return slices.Sorted(maps.Keys(f.Words)) }
