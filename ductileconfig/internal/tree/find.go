package tree

import (
	"strconv"
	"strings"
)

// Find returns the value at a path as Join and At make it, and true. If there is none, it
// returns the place of the innermost key on the way to it, as a Null, and false.
func Find(root *Node, path string) (*Node, bool) {
	n, at := root, root.Place
	for key := range strings.SplitSeq(path, ".") {
		for rest := key; ; {
			next, place, behind := n.step(rest)
			if next == nil {
				return &Node{Place: at}, false
			}
			if n, at, rest = next, place, behind; rest == "" {
				break
			}
		}
	}
	return n, true
}

// step returns the value of a key, or of an index in brackets, with its place, and what
// follows of key. A name may have brackets too, so the whole of key is tried first.
func (n *Node) step(key string) (value *Node, at Place, rest string) {
	if e := n.Entry(key); e != nil && e.Value.Kind != Null {
		return e.Value, e.At, ""
	}
	name, rest := key, ""
	if i := strings.IndexByte(key, '['); i > 0 {
		name, rest = key[:i], key[i:]
	} else if end := strings.IndexByte(key, ']'); i == 0 && end > 0 {
		return n.item(key[1:end], key[end+1:])
	}
	if e := n.Entry(name); rest != "" && e != nil && e.Value.Kind != Null {
		return e.Value, e.At, rest
	}
	return nil, Place{}, ""
}

func (n *Node) item(index, rest string) (*Node, Place, string) {
	i, err := strconv.Atoi(index)
	if err != nil || i < 0 || i >= len(n.Items) {
		return nil, Place{}, ""
	}
	return n.Items[i], n.Items[i].Place, rest
}
