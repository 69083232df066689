// Package decode turns the nodes of package tree into Go values, by a table of types.
package decode

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/ductile-go/ductile/ductileconfig/internal/table"
	"github.com/ductile-go/ductile/ductileconfig/internal/tree"
	"github.com/ductile-go/ductile/internal/nearest"
)

// Extends is the key that names what a mapping begins with.
const Extends = "extends"

// Decoder decodes nodes, collects their faults, and notes where values come from.
type Decoder struct {
	Faults  *tree.Faults
	Origins map[string]string // by path; nil if not wanted
}

// Into decodes a mapping into a struct, to which dst points.
func (d *Decoder) Into(n *tree.Node, t *table.Type, dst any, path string) {
	if n != nil {
		d.value(n, t, &table.Fact{}, reflect.ValueOf(dst).Elem(), path)
	}
}

func (d *Decoder) value(n *tree.Node, t *table.Type, fact *table.Fact, v reflect.Value, path string) {
	if n.Kind == tree.Null {
		if n.Empty() {
			d.empty(n, t, fact, path)
		}
		return
	}
	if n.Faint {
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if n.Kind == tree.Map && len(n.Entries) == 0 {
		d.origin(n, path)
	}
	switch {
	case t.Kind == table.Struct && t.Single && n.Kind == tree.Scalar:
		d.word(n, fact, v, path)
	case t.Kind == table.Struct:
		d.structure(n, t, v, path)
	case t.Kind == table.Map:
		d.names(n, t, fact, v, path)
	case t.Kind == table.List:
		d.list(n, t, fact, v, path)
	case n.Kind != tree.Scalar:
		d.wrong(n, path, Want(t, fact), "")
	default:
		before := d.Faults.Len()
		d.scalar(n, t, fact, v, path)
		if d.Faults.Len() == before {
			d.origin(n, path)
		}
	}
}

func (d *Decoder) origin(n *tree.Node, path string) {
	if d.Origins != nil {
		d.Origins[path] = n.String()
	}
}

// wrong adds a fault of a value.
func (d *Decoder) wrong(n *tree.Node, path, want, hint string) {
	d.Faults.Add(n.Place, tree.Fault{Path: path, Value: n.Show(), Want: want, Hint: hint})
}

// empty adds a fault where nothing is written: it could mean the defaults, or none. Only
// a section may be empty.
func (d *Decoder) empty(n *tree.Node, t *table.Type, fact *table.Fact, path string) {
	switch t.Kind {
	case table.Map, table.List:
	case table.Struct:
		d.wrong(n, path, "a mapping", "write {} for the defaults, or null for none")
	default:
		d.wrong(n, path, Want(t, fact), "")
	}
}

func (d *Decoder) structure(n *tree.Node, t *table.Type, v reflect.Value, path string) {
	if n.Kind != tree.Map {
		d.wrong(n, path, wantMapping(t), "")
		return
	}
	for _, e := range n.Entries {
		at := tree.Join(path, e.Key)
		f := t.Field(e.Key)
		switch {
		case f != nil:
			d.value(e.Value, f.Type, &f.Fact, v.FieldByIndex(f.Index), at)
		case e.Key == Extends && path != "", slices.Contains(t.Extra, e.Key):
		default:
			d.unknown(e, t, path)
		}
	}
}

func wantMapping(t *table.Type) string {
	if t.Single {
		return "a word or a mapping"
	}
	return "a mapping with keys such as " + strings.Join(t.Keys()[:min(2, len(t.Keys()))], " and ")
}

// unknown adds a fault of a key, with what is probably meant.
func (d *Decoder) unknown(e tree.Entry, t *table.Type, path string) {
	d.Faults.Add(e.At, tree.Fault{Path: tree.Join(path, e.Key), Problem: "unknown field", Hint: unknownHint(e.Key, t)})
}

func unknownHint(key string, t *table.Type) string {
	if reason := t.Out[key]; reason != "" {
		return reason
	}
	known := append(t.Keys(), t.Extra...)
	if hint := Suggest(key, known); hint != "" {
		return hint
	}
	for _, f := range t.Fields {
		if f.Type.Kind == table.Struct && f.Type.Field(key) != nil {
			return "did you mean " + f.Key + "." + key + "?"
		}
	}
	if longer := withWord(key, known); len(longer) > 0 && len(longer) <= 3 {
		return "did you mean " + strings.Join(longer, " or ") + "?"
	}
	if len(known) <= 8 {
		return "the fields are " + strings.Join(known, ", ")
	}
	return ""
}

// withWord returns the keys that a key is a part of, in whole words: total_timeout and
// attempt_timeout for timeout.
func withWord(key string, known []string) (longer []string) {
	part := "_" + table.Snake(key) + "_"
	for _, k := range known {
		if strings.Contains("_"+k+"_", part) {
			longer = append(longer, k)
		}
	}
	return longer
}

// Suggest returns "did you mean recovery_timeout?", or "".
func Suggest(word string, known []string) string {
	name, ok := nearest.To(table.Snake(word), known)
	if !ok {
		name, ok = nearest.To(word, known)
	}
	if !ok {
		return ""
	}
	return "did you mean " + name + "?"
}

// names decodes a mapping of names.
func (d *Decoder) names(n *tree.Node, t *table.Type, fact *table.Fact, v reflect.Value, path string) {
	if n.Kind != tree.Map {
		d.wrong(n, path, "a mapping of names", "")
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(n.Entries))
	for _, e := range n.Entries {
		if problem := badName(e.Key); problem != "" {
			d.Faults.Add(e.At, tree.Fault{Path: path, Problem: problem})
			continue
		}
		at := tree.Join(path, e.Key)
		if e.Value.Kind == tree.Null || e.Value.Faint {
			if e.Value.Empty() {
				d.empty(e.Value, t.Elem, fact, at)
			}
			continue
		}
		elem := reflect.New(t.Elem.Go).Elem()
		d.value(e.Value, t.Elem, fact, elem, at)
		out.SetMapIndex(reflect.ValueOf(e.Key), elem)
	}
	if out.Len() > 0 {
		v.Set(out)
	}
}

// badName returns what is wrong with a name, as registry.Spec.Validate would say it.
func badName(name string) string {
	shown := "the name " + strconv.Quote(name)
	switch {
	case name == "":
		return "a name is empty"
	case strings.Contains(name, "."):
		return shown + " has a dot, which separates the parts of a path"
	case strings.TrimSpace(name) != name:
		return shown + " has spaces around it"
	case strings.ContainsFunc(name, unicode.IsControl), strings.ContainsRune(name, unicode.ReplacementChar):
		return shown + " has characters that cannot be printed"
	}
	return ""
}

func (d *Decoder) list(n *tree.Node, t *table.Type, fact *table.Fact, v reflect.Value, path string) {
	if n.Kind != tree.List {
		d.wrong(n, path, "a list", "")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Items), len(n.Items))
	for i, item := range n.Items {
		d.value(item, t.Elem, fact, out.Index(i), tree.At(path, i))
	}
	v.Set(out)
}

// Defaults checks the section "defaults": the values of keys that are kinds.
func (d *Decoder) Defaults(n *tree.Node, kinds map[string]*table.Type) {
	switch {
	case n == nil || n.Kind == tree.Null:
		return
	case n.Kind != tree.Map:
		d.wrong(n, Defaults, "a mapping", "")
		return
	}
	for _, e := range n.Entries {
		if t := kinds[e.Key]; t != nil {
			v := reflect.New(t.Go).Elem()
			d.value(e.Value, t, &table.Fact{}, v, tree.Join(Defaults, e.Key))
		}
	}
}
