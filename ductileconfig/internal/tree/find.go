package tree

import (
	"strconv"
	"strings"
)

// Find returns the value at a path as Join and At make it, and true. If there is none, it
// returns the place of the innermost key on the way to it, as a Null, and false.
func Find(root *Node, path string) (*Node, bool) {
	n, at := root, root.Place
	for key := range strings.SplitSeq(strings.ReplaceAll(path, "[", ".["), ".") {
		next, place := n.step(key)
		if next == nil {
			return &Node{Place: at}, false
		}
		n, at = next, place
	}
	return n, true
}

// step returns the value of a key, or of an index in brackets, with its place.
func (n *Node) step(key string) (*Node, Place) {
	if index, ok := strings.CutPrefix(key, "["); ok {
		i, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
		if err != nil || i < 0 || i >= len(n.Items) {
			return nil, Place{}
		}
		return n.Items[i], n.Items[i].Place
	}
	if e := n.Entry(key); e != nil && e.Value.Kind != Null {
		return e.Value, e.At
	}
	return nil, Place{}
}
