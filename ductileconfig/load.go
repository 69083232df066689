package ductileconfig

import (
	"strconv"

	"github.com/ductile-go/ductile/ductileconfig/internal/decode"
	"github.com/ductile-go/ductile/ductileconfig/internal/facts"
	"github.com/ductile-go/ductile/ductileconfig/internal/tree"
	"github.com/ductile-go/ductile/registry"
)

// Load reads the sources and returns what they declare. They are merged field by field in
// the order given: later ones win, and null removes what an earlier one set. No sources,
// or empty ones, are an empty Spec, which is valid.
//
// The Spec is valid as far as [registry.Spec.Validate] can tell, and its Origins have the
// place of each value. Names of functions are checked by [registry.New].
//
// If anything is wrong, Load returns the zero Spec and all faults, joined, each of them
// an [*Error].
func Load(sources ...Source) (registry.Spec, error) {
	return new(loader).load(sources)
}

// loader loads once.
type loader struct {
	faults tree.Faults
	root   *tree.Node // all sources merged, with each extends resolved; nil if there is nothing
	broken bool       // a source is missing in what is merged, so nothing of it may fit
	astray bool       // a section is missing, whose name is unknown, so references may dangle
}

func (l *loader) load(sources []Source) (registry.Spec, error) {
	spec := registry.Spec{}
	l.root = decode.Extend(l.merge(sources), facts.Spec(), tree.NewLeft(tree.MaxNodes), &l.faults)
	if l.root != nil {
		spec.Origins = map[string]string{}
		d := &decode.Decoder{Faults: &l.faults, Origins: spec.Origins}
		d.Into(l.root, facts.Spec(), &spec, "")
	}
	l.validate(spec)
	if l.faults.Len() > 0 {
		return registry.Spec{}, joined(&l.faults)
	}
	return spec, nil
}

// merge opens the sources, checks each, and returns all of them merged, or nil.
func (l *loader) merge(sources []Source) *tree.Node {
	var root *tree.Node
	left := tree.NewLeft(tree.MaxNodes)
	for i, source := range sources {
		if source == nil {
			l.faults.Add(tree.Place{Rank: i, File: "source " + strconv.Itoa(i+1)}, tree.Fault{Problem: "the Source is nil"})
			continue
		}
		before := l.faults.Len()
		n := source.Open(i, root, &l.faults)
		l.broken = l.broken || l.faults.Len() > before
		if n == nil {
			continue
		}
		l.check(n)
		root = tree.Merge(root, n, left)
	}
	if left.Out() {
		l.faults.Add(tree.Place{Rank: len(sources), File: "all sources"}, tree.Fault{
			Problem: "more than " + strconv.Itoa(tree.MaxNodes) + " values, the limit",
		})
		l.broken = true
		return nil
	}
	return root
}

// check decodes one source alone, to find faults that a later source would hide.
func (l *loader) check(n *tree.Node) {
	t := facts.Spec()
	for _, e := range n.Entries {
		if t.Field(e.Key) == nil && e.Key != decode.Defaults {
			l.astray = true
		}
	}
	d := &decode.Decoder{Faults: &l.faults}
	d.Defaults(n.Get(decode.Defaults), t.Kinds()) // first: a fault is told by its first path
	d.Into(n, t, new(registry.Spec), "")
}
