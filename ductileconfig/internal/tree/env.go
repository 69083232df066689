package tree

import (
	"slices"
	"strings"
)

// Env is a Source of variables: PREFIX__CIRCUITS__STRIPE__WINDOW=10s.
type Env struct {
	Prefix  string
	Environ func() []string // NAME=value, as os.Environ returns them
}

// separator stands between the parts of a path.
const separator = "__"

// maxEnv bounds the work of merging variables one by one: some 900 of them.
const maxEnv = 400_000

// Open reads the variables that begin with the prefix, in the order of their names.
func (v Env) Open(rank int, base *Node, faults *Faults) *Node {
	prefix := strings.TrimRight(v.Prefix, "_") + separator
	values := map[string]string{}
	var names []string
	for _, line := range v.Environ() {
		name, value, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		if _, ok := values[name]; !ok {
			names = append(names, name)
		}
		values[name] = value
	}
	slices.Sort(names)
	var root *Node
	left := NewLeft(maxEnv)
	for _, name := range names {
		at := Place{Rank: rank, File: name}
		path, ok := v.path(at, name[len(prefix):], base, faults)
		if !ok {
			continue
		}
		if n := v.value(at, values[name], strings.Join(path, "."), faults); n != nil {
			root = Merge(root, Wrap(n, path...), left)
		}
	}
	if left.Out() {
		faults.Add(Place{Rank: rank, File: prefix + "*"}, Fault{Problem: "too many variables"})
		return nil
	}
	return root
}

// path returns the keys that a variable's name means. A name of the base is found in any
// case, and with "-" where the variable has "_".
func (v Env) path(at Place, name string, base *Node, faults *Faults) ([]string, bool) {
	var path []string
	for part := range strings.SplitSeq(name, separator) {
		if part == "" {
			faults.Add(at, Fault{Problem: "a part of the name is empty", Hint: "two underscores separate parts, and a part has no two in a row"})
			return nil, false
		}
		key, ok := known(base, part)
		if !ok {
			faults.Add(at, Fault{Path: Join(strings.Join(path, "."), strings.ToLower(part)), Problem: "several names differ from this part by case and dashes only", Hint: "set it in a file"})
			return nil, false
		}
		path, base = append(path, key), base.Get(key)
		if len(path) > MaxDepth {
			faults.Add(at, Fault{Problem: "the name has too many parts"})
			return nil, false
		}
	}
	return path, true
}

// known returns the key of base that part means, or part in lower case if there is none.
// It returns false if there are several.
func known(base *Node, part string) (string, bool) {
	lower := strings.ToLower(part)
	if base.Get(lower) != nil || base == nil {
		return lower, true
	}
	found := ""
	for _, e := range base.Entries {
		if plain(e.Key) != plain(part) {
			continue
		}
		if found != "" {
			return "", false
		}
		found = e.Key
	}
	if found == "" {
		found = lower
	}
	return found, true
}

func plain(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }

// value returns the node of a variable's text. A text in braces or brackets is YAML.
func (v Env) value(at Place, text, path string, faults *Faults) *Node {
	switch text {
	case "":
		faults.Add(at, Fault{Path: path, Value: "empty", Want: "a value, or null to remove what a file sets"})
		return nil
	case "null", "~":
		return &Node{Kind: Null, Text: text, Place: at}
	}
	if text[0] == '{' || text[0] == '[' {
		var own Faults
		if n := Parse(at, []byte("v: "+text), &own); n != nil && own.Len() == 0 {
			return n.Get("v").Moved(at)
		}
	}
	return &Node{Kind: Scalar, Text: text, Place: at}
}

// Moved returns n with all of its places replaced.
func (n *Node) Moved(at Place) *Node {
	out := *n
	out.Place, out.Anchors = at, nil
	out.Entries, out.Items = nil, nil
	for _, e := range n.Entries {
		out.Entries = append(out.Entries, Entry{Key: e.Key, At: at, Value: e.Value.Moved(at)})
	}
	for _, item := range n.Items {
		out.Items = append(out.Items, item.Moved(at))
	}
	return &out
}
