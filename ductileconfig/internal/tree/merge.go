package tree

// Merge returns base with what over sets, key by key where both are mappings. A null
// stays, so that it also removes what a base further below sets. Where nothing is written
// at all, base stays. Merge takes the entries that it copies from left.
func Merge(base, over *Node, left *Left) *Node {
	switch {
	case over == nil || base != nil && over.Empty():
		return base
	case base == nil || base.Kind != Map || over.Kind != Map:
		return over
	}
	out := *over
	out.Faint = base.Faint && over.Faint
	out.Anchors = append(append([]string{}, base.Anchors...), over.Anchors...)
	if !left.Take(len(base.Entries) + len(over.Entries)) {
		return over
	}
	out.Entries = append([]Entry{}, base.Entries...)
	index := make(map[string]int, len(out.Entries))
	for i, e := range out.Entries {
		index[e.Key] = i
	}
	for _, e := range over.Entries {
		i, ok := index[e.Key]
		if !ok {
			out.Entries = append(out.Entries, e)
			continue
		}
		value := Merge(out.Entries[i].Value, e.Value, left)
		if value == e.Value || value != out.Entries[i].Value {
			out.Entries[i] = Entry{Key: e.Key, At: e.At, Value: value}
		}
	}
	return &out
}

// Left counts down the nodes that may still be made. Each of them costs memory, and names
// that extend one another can ask for many more than a file holds.
type Left struct{ nodes int }

// NewLeft returns a count of n nodes.
func NewLeft(n int) *Left { return &Left{nodes: n} }

// Take takes n nodes. It returns false if there are not so many, then and from then on.
func (l *Left) Take(n int) bool {
	if l.nodes >= 0 {
		l.nodes -= n
	}
	return l.nodes >= 0
}

// Out reports whether more nodes were asked for than there were.
func (l *Left) Out() bool { return l.nodes < 0 }
