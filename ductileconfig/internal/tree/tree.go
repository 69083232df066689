// Package tree holds the values of one or more sources before their types are known: what
// is written, and where. Nodes are not changed once they are made, so trees share them.
package tree

import "strconv"

// Limits of what a source may hold.
const (
	MaxBytes = 1 << 20 // of a file
	MaxDepth = 64      // of mappings and lists in one another
	MaxNodes = 100_000 // keys and values, those that aliases repeat included
)

// Kind is what a Node is.
type Kind uint8

// The kinds of nodes.
const (
	Null   Kind = iota // null removes what an earlier source set
	Scalar             // a text
	Map                // keys with values
	List
)

// Node is a value and the place where it is written.
type Node struct {
	Kind    Kind
	Text    string // of a Scalar; of a Null "" if nothing is written at all
	Quoted  bool   // of a Scalar: it is written in quotes, so it is no number
	Entries []Entry
	Items   []*Node
	Anchors []string // the names that extends may use for a Map
	Faint   bool     // a Map of nulls alone that is there only if another Map is below it
	Place
}

// Entry is a key of a Map with its value.
type Entry struct {
	Key   string
	At    Place // of the key
	Value *Node
}

// Place is where something is written.
type Place struct {
	Rank         int    // the number of the source, for sorting
	File         string // or the name of a variable
	Line, Column int    // from 1; 0 if the source has no lines
	Text         *Text  // of the file; nil if there is none
}

// String returns "ductile.yaml:9:5", or the File alone if there are no lines.
func (p Place) String() string {
	s := p.File
	if p.Line > 0 {
		s += ":" + strconv.Itoa(p.Line)
	}
	if p.Column > 0 {
		s += ":" + strconv.Itoa(p.Column)
	}
	return s
}

// before reports whether p comes before q.
func (p Place) before(q Place) bool {
	if p.Rank != q.Rank {
		return p.Rank < q.Rank
	}
	if p.Line != q.Line {
		return p.Line < q.Line
	}
	return p.Column < q.Column
}

// Empty reports whether nothing is written where n's value would be, as in "retry:".
func (n *Node) Empty() bool { return n.Kind == Null && n.Text == "" }

// Get returns the value of a key, or nil.
func (n *Node) Get(key string) *Node {
	if e := n.Entry(key); e != nil {
		return e.Value
	}
	return nil
}

// Entry returns the entry of a key, or nil. A nil node has no entries.
func (n *Node) Entry(key string) *Entry {
	if n == nil {
		return nil
	}
	for i := range n.Entries {
		if n.Entries[i].Key == key {
			return &n.Entries[i]
		}
	}
	return nil
}

// Without returns n without a key.
func (n *Node) Without(key string) *Node {
	out := *n
	out.Entries = nil
	for _, e := range n.Entries {
		if e.Key != key {
			out.Entries = append(out.Entries, e)
		}
	}
	return &out
}

// With returns n with an entry, which replaces that of the same key.
func (n *Node) With(e Entry) *Node {
	out := *n
	out.Entries = append([]Entry(nil), n.Entries...)
	for i := range out.Entries {
		if out.Entries[i].Key == e.Key {
			out.Entries[i] = e
			return &out
		}
	}
	out.Entries = append(out.Entries, e)
	return &out
}

// Wrap returns a Map that holds n under a path of keys, all of them written where n is.
func Wrap(n *Node, keys ...string) *Node {
	for i := len(keys) - 1; i >= 0; i-- {
		n = &Node{Kind: Map, Place: n.Place, Entries: []Entry{{Key: keys[i], At: n.Place, Value: n}}}
	}
	return n
}

// Join returns the path of a key of what is at path.
func Join(path, key string) string {
	if key == "" {
		key = `""`
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// At returns the path of an item of the list that is at path.
func At(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// Fainted returns n with its mappings that only remove things made Faint: to remove the
// budget of a retry makes no retry.
func (n *Node) Fainted() *Node {
	if n.Kind != Map {
		return n
	}
	out := *n
	out.Entries, out.Faint = nil, len(n.Entries) > 0
	for _, e := range n.Entries {
		e.Value = e.Value.Fainted()
		out.Faint = out.Faint && (e.Value.Kind == Null || e.Value.Faint)
		out.Entries = append(out.Entries, e)
	}
	return &out
}
