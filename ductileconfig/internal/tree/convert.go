package tree

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// converter makes Nodes of the parser's nodes, with aliases and merge keys replaced by
// what they stand for.
type converter struct {
	at     Place
	faults *Faults
	left   *Left
	open   map[*yaml.Node]bool // anchors that are being converted
	failed bool                // a limit is exceeded: stop
}

func convert(at Place, y *yaml.Node, faults *Faults) *Node {
	c := &converter{at: at, faults: faults, left: NewLeft(MaxNodes), open: map[*yaml.Node]bool{}}
	before := faults.Len()
	n := c.node(y, "", 0)
	if !c.failed && n.Kind != Map && n.Kind != Null {
		c.add(y, Fault{Problem: "the document is " + what(n) + ", want a mapping with sections such as circuits and pipelines"})
	}
	if faults.Len() > before || n.Kind == Null {
		return nil
	}
	return n
}

func what(n *Node) string {
	if n.Kind == Scalar {
		return "a single value"
	}
	return n.Show()
}

func (c *converter) place(y *yaml.Node) Place {
	at := c.at
	at.Line, at.Column = y.Line, y.Column
	return at
}

func (c *converter) add(y *yaml.Node, fault Fault) { c.faults.Add(c.place(y), fault) }

// node converts one node. It returns nil if a limit is exceeded.
func (c *converter) node(y *yaml.Node, path string, depth int) *Node {
	if !c.within(y, path, depth) {
		return nil
	}
	n := &Node{Place: c.place(y)}
	if y.Kind != yaml.AliasNode && y.Style&yaml.TaggedStyle != 0 {
		c.add(y, Fault{Path: path, Problem: "the tag " + y.Tag + " is not supported", Hint: "remove it"})
	}
	if y.Anchor != "" {
		c.open[y] = true
		defer delete(c.open, y)
	}
	switch y.Kind {
	case yaml.AliasNode:
		return c.alias(y, path, depth)
	case yaml.MappingNode:
		n.Kind = Map
		c.mapping(n, y, path, depth)
		if y.Anchor != "" {
			n.Anchors = []string{y.Anchor}
		}
	case yaml.SequenceNode:
		n.Kind = List
		for i, item := range y.Content {
			n.Items = append(n.Items, c.node(item, At(path, i), depth+1))
		}
	default:
		n.Kind, n.Text = Scalar, y.Value
		n.Quoted = y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
		if y.Tag == "!!null" {
			n.Kind = Null
		}
	}
	return n
}

// within adds a fault if a node is too deep, or one too many.
func (c *converter) within(y *yaml.Node, path string, depth int) bool {
	switch {
	case c.failed:
		return false
	case depth > MaxDepth:
		c.add(y, Fault{Path: short(path), Problem: fmt.Sprintf("nested more than %d deep, the limit", MaxDepth)})
	case !c.left.Take(1):
		c.add(y, Fault{Path: short(path), Problem: fmt.Sprintf("more than %d values, the limit, aliases counted as what they repeat", MaxNodes)})
	default:
		return true
	}
	c.failed = true
	return false
}

// short cuts a long path.
func short(path string) string {
	if len(path) > maxShown {
		return path[:maxShown] + "…"
	}
	return path
}

// alias converts what an alias repeats. Its places are those of the anchor.
func (c *converter) alias(y *yaml.Node, path string, depth int) *Node {
	if c.open[y.Alias] {
		c.add(y, Fault{Path: short(path), Problem: "the alias *" + y.Value + " stands inside of its own anchor"})
		return &Node{Place: c.place(y)}
	}
	n := c.node(y.Alias, path, depth)
	if n != nil {
		n.Anchors = nil // extends means the anchor, not a copy
	}
	return n
}

func (c *converter) mapping(n *Node, y *yaml.Node, path string, depth int) {
	lines := map[string]int{}
	var merged []*Node
	for i := 0; i+1 < len(y.Content) && !c.failed; i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		if !c.left.Take(1) || key.Kind != yaml.ScalarNode {
			c.badKey(key, path)
			continue
		}
		at := Join(path, key.Value)
		if line, ok := lines[key.Value]; ok {
			c.add(key, Fault{Path: short(at), Problem: fmt.Sprintf("duplicate key, the first is in line %d", line)})
			continue
		}
		lines[key.Value] = key.Line
		if key.Tag == "!!merge" {
			merged = c.merged(value, at, depth)
			continue
		}
		n.Entries = append(n.Entries, Entry{Key: key.Value, At: c.place(key), Value: c.node(value, at, depth+1)})
	}
	c.addMerged(n, merged, lines)
}

func (c *converter) badKey(key *yaml.Node, path string) {
	if c.left.Out() {
		c.within(key, path, 0)
		return
	}
	c.add(key, Fault{Path: short(path), Problem: "a key is not a plain word"})
}

// merged returns the mappings of a merge key, the first the strongest.
func (c *converter) merged(y *yaml.Node, path string, depth int) []*Node {
	var out []*Node
	value := c.node(y, path, depth+1)
	if value == nil {
		return nil
	}
	all := []*Node{value}
	if value.Kind == List {
		all = value.Items
	}
	for _, n := range all {
		if n == nil {
			return nil
		}
		if n.Kind != Map {
			c.faults.Add(n.Place, Fault{Path: short(path), Value: n.Show(), Want: "a mapping, or a list of mappings", Hint: "write <<: *name"})
			continue
		}
		out = append(out, n)
	}
	return out
}

// addMerged adds the entries of merged mappings that n does not have itself.
func (c *converter) addMerged(n *Node, merged []*Node, has map[string]int) {
	for _, m := range merged {
		for _, e := range m.Entries {
			if _, ok := has[e.Key]; !ok {
				has[e.Key] = e.At.Line
				n.Entries = append(n.Entries, e)
			}
		}
	}
}
