package tree

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Fault is something wrong in a source. Package ductileconfig converts it to its Error,
// which has the same fields.
type Fault struct {
	File         string
	Line, Column int
	Path         string
	Value, Want  string
	Hint         string
	Problem      string
	Excerpt      string
}

// Faults collects faults. The zero Faults is empty.
type Faults struct {
	list []placed
	seen map[string]bool
}

type placed struct {
	at    Place
	fault *Fault
}

// Add adds a fault at a place, unless the same is known of the place: a value that
// aliases repeat is wrong once.
func (f *Faults) Add(at Place, fault Fault) {
	fault.File, fault.Line, fault.Column = at.File, at.Line, at.Column
	id := fmt.Sprintf("%d %s %q %q", at.Rank, at, fault.Value, fault.Problem)
	if at.Line == 0 {
		id += fault.Path
	}
	if f.seen[id] {
		return
	}
	if f.seen == nil {
		f.seen = map[string]bool{}
	}
	f.seen[id] = true
	fault.Excerpt = at.Excerpt()
	f.list = append(f.list, placed{at, &fault})
}

// Len returns the number of faults.
func (f *Faults) Len() int { return len(f.list) }

// Sorted returns the faults in the order of the sources, and of the places in each.
func (f *Faults) Sorted() []*Fault {
	slices.SortStableFunc(f.list, func(a, b placed) int {
		switch {
		case a.at.before(b.at):
			return -1
		case b.at.before(a.at):
			return 1
		}
		return 0
	})
	out := make([]*Fault, len(f.list))
	for i, p := range f.list {
		out[i] = p.fault
	}
	return out
}

// Paths returns the paths of the faults.
func (f *Faults) Paths() []string {
	out := make([]string, len(f.list))
	for i, p := range f.list {
		out[i] = p.fault.Path
	}
	return out
}

// maxShown is how many characters of a value an error shows.
const maxShown = 60

// Show returns a node as an error shows it.
func (n *Node) Show() string {
	switch n.Kind {
	case Map:
		return "a mapping"
	case List:
		return "a list"
	case Null:
		if n.Text == "" {
			return "empty"
		}
		return n.Text
	}
	return Quote(n.Text, n.Quoted)
}

// Quote returns a text as an error shows it: cut if it is long, and in quotes if it was
// written in quotes or would not be read as one word.
func Quote(s string, quoted bool) string {
	if utf8.RuneCountInString(s) > maxShown {
		s = string([]rune(s)[:maxShown]) + "…"
	}
	if quoted || s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r == ',' || r == 0x7f }) {
		return fmt.Sprintf("%q", s)
	}
	return s
}
