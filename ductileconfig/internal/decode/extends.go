package decode

import (
	"fmt"
	"slices"

	"github.com/ductile-go/ductile/ductileconfig/internal/table"
	"github.com/ductile-go/ductile/ductileconfig/internal/tree"
	"github.com/ductile-go/ductile/internal/nearest"
)

// Defaults is the section of mappings that others extend.
const Defaults = "defaults"

// Extend returns root with each mapping that extends another filled in. A name means, in
// this order: what the section of the kind has under it; an anchor; what "defaults" has
// under it, in a section of the same key or directly.
func Extend(root *tree.Node, t *table.Type, left *tree.Left, faults *tree.Faults) *tree.Node {
	if root == nil {
		return nil
	}
	e := &extender{
		root: root, left: left, faults: faults,
		anchors: map[string]*tree.Node{}, sections: map[*table.Type]string{},
		flat: map[flatKey]*tree.Node{}, done: map[flatKey]*tree.Node{}, open: map[flatKey]bool{},
	}
	e.collect(root)
	for _, f := range t.Fields {
		if f.Type.Kind == table.Map && f.Type.Elem.Kind == table.Struct {
			e.sections[f.Type.Elem] = f.Key
		}
	}
	out := e.fields(root, t, "")
	if left.Out() {
		faults.Add(tree.Place{Rank: root.Rank, File: root.File}, tree.Fault{
			Problem: fmt.Sprintf("more than %d values, the limit, those that extends copies included", tree.MaxNodes),
		})
		return nil
	}
	return out
}

type extender struct {
	root     *tree.Node
	left     *tree.Left
	faults   *tree.Faults
	anchors  map[string]*tree.Node
	sections map[*table.Type]string
	flat     map[flatKey]*tree.Node // with its own extends resolved
	done     map[flatKey]*tree.Node // with those of its fields, too
	open     map[flatKey]bool
}

// flatKey identifies a mapping as one of a type: an anchor may be extended by mappings of
// several.
type flatKey struct {
	n *tree.Node
	t *table.Type
}

// collect finds the anchors. If a name is used twice, the last one counts.
func (e *extender) collect(n *tree.Node) {
	for _, name := range n.Anchors {
		e.anchors[name] = n
	}
	for _, entry := range n.Entries {
		e.collect(entry.Value)
	}
	for _, item := range n.Items {
		e.collect(item)
	}
}

// walk returns n with every extends in it resolved.
func (e *extender) walk(n *tree.Node, t *table.Type, path string) *tree.Node {
	switch {
	case t.Kind == table.Struct && n.Kind == tree.Map:
		key := flatKey{n, t}
		if e.done[key] == nil {
			e.done[key] = e.fields(e.flatten(n, t, path), t, path)
		}
		return e.done[key]
	case t.Kind == table.Map && n.Kind == tree.Map:
		return e.each(n, func(string) *table.Type { return t.Elem }, path)
	case t.Kind == table.List && n.Kind == tree.List:
		out := *n
		out.Items = nil
		for i, item := range n.Items {
			out.Items = append(out.Items, e.walk(item, t.Elem, tree.At(path, i)))
		}
		return &out
	}
	return n
}

func (e *extender) fields(n *tree.Node, t *table.Type, path string) *tree.Node {
	return e.each(n, func(key string) *table.Type {
		if f := t.Field(key); f != nil {
			return f.Type
		}
		return nil
	}, path)
}

// each returns n with the values of known types walked.
func (e *extender) each(n *tree.Node, of func(key string) *table.Type, path string) *tree.Node {
	if !e.left.Take(len(n.Entries)) {
		return n
	}
	out := *n
	out.Entries = slices.Clone(n.Entries)
	for i, entry := range out.Entries {
		if t := of(entry.Key); t != nil {
			out.Entries[i].Value = e.walk(entry.Value, t, tree.Join(path, entry.Key))
		}
	}
	return &out
}

// flatten returns n merged over what it extends, without the key itself.
func (e *extender) flatten(n *tree.Node, t *table.Type, path string) *tree.Node {
	key := flatKey{n, t}
	if flat := e.flat[key]; flat != nil {
		return flat
	}
	name := n.Get(Extends)
	if name == nil || t.Field(Extends) != nil || e.left.Out() {
		e.flat[key] = n
		return n
	}
	e.open[key] = true
	own := n.Without(Extends)
	if base := e.base(name, t, path); base != nil {
		own = tree.Merge(e.flatten(base, t, path), own, e.left)
	}
	delete(e.open, key)
	e.flat[key] = own
	return own
}

// base returns the mapping that extends names, or nil after a fault, or if it is null.
func (e *extender) base(name *tree.Node, t *table.Type, path string) *tree.Node {
	at := tree.Join(path, Extends)
	if name.Kind == tree.Null && !name.Empty() {
		return nil
	}
	want := "the name of an anchor"
	section := e.sections[t]
	if section != "" {
		want += " or of another of " + section
	}
	if name.Kind != tree.Scalar {
		e.faults.Add(name.Place, tree.Fault{Path: at, Value: name.Show(), Want: want})
		return nil
	}
	base := e.find(name.Text, section)
	switch {
	case base == nil:
		hint := ""
		if e.faults.Len() < nearest.MaxHints {
			hint = Suggest(name.Text, e.names(section))
		}
		e.faults.Add(name.Place, tree.Fault{Path: at, Value: name.Show(), Want: want, Hint: hint})
	case base.Kind != tree.Map:
		e.faults.Add(name.Place, tree.Fault{Path: at, Problem: name.Text + " is " + base.Show() + ", so it cannot be extended"})
	case e.open[flatKey{base, t}]:
		e.faults.Add(name.Place, tree.Fault{Path: at, Problem: "a cycle: " + name.Text + " extends what extends it"})
	default:
		return base
	}
	return nil
}

func (e *extender) find(name, section string) *tree.Node {
	defaults := e.root.Get(Defaults)
	if section != "" {
		if n := e.root.Get(section).Get(name); n != nil {
			return n
		}
	}
	if n := e.anchors[name]; n != nil {
		return n
	}
	if section != "" {
		if n := defaults.Get(section).Get(name); n != nil {
			return n
		}
	}
	return defaults.Get(name)
}

// names returns what extends may name.
func (e *extender) names(section string) []string {
	var out []string
	for name := range e.anchors {
		out = append(out, name)
	}
	add := func(n *tree.Node) {
		if n != nil {
			for _, entry := range n.Entries {
				out = append(out, entry.Key)
			}
		}
	}
	if section != "" {
		add(e.root.Get(section))
		add(e.root.Get(Defaults).Get(section))
	}
	add(e.root.Get(Defaults))
	slices.Sort(out)
	return out
}
