package ductileconfig

import (
	"errors"
	"slices"
	"strings"

	"github.com/ductile-go/ductile/ductileconfig/internal/decode"
	"github.com/ductile-go/ductile/ductileconfig/internal/facts"
	"github.com/ductile-go/ductile/ductileconfig/internal/tree"
	"github.com/ductile-go/ductile/registry"
)

// validate adds the faults of a Spec whose values can be decoded, but do not fit.
func (l *loader) validate(spec registry.Spec) {
	if l.broken || l.root == nil {
		return
	}
	decoded := newPaths(l.faults.Paths())
	for _, fault := range unjoin(spec.Validate()) {
		if !decoded.hide(fault) && (!l.astray || !refers(fault)) {
			l.place(fault)
		}
	}
}

// place adds a fault of a Spec where its value is written, or where it could be.
func (l *loader) place(fault *registry.Error) {
	n, found := tree.Find(l.root, fault.Path)
	l.faults.Add(n.Place, translate(fault, n, found))
}

// refused returns an error of the registry with the places of its faults.
func (l *loader) refused(err error) error {
	faults := unjoin(err)
	if len(faults) == 0 || l.root == nil {
		return err
	}
	for _, fault := range faults {
		l.place(fault)
	}
	return joined(&l.faults)
}

// unjoin returns the faults of a Spec.
func unjoin(err error) []*registry.Error {
	if fault, ok := err.(*registry.Error); ok { //nolint:errorlint // the list itself is taken apart
		return []*registry.Error{fault}
	}
	var out []*registry.Error
	var list interface{ Unwrap() []error }
	if errors.As(err, &list) {
		for _, e := range list.Unwrap() {
			out = append(out, unjoin(e)...)
		}
	}
	return out
}

// paths are the paths of faults, and of the mappings that they stand in.
type paths struct{ faulty, parents map[string]bool }

func newPaths(all []string) paths {
	p := paths{map[string]bool{}, map[string]bool{}}
	for _, path := range all {
		p.faulty[path], p.parents[parent(path)] = true, true
	}
	return p
}

// hide reports whether a fault may follow from one of p: one of the same value, or of a
// value that stands beside it. Faults of other mappings do not hide it. A reference to
// what is not declared does not follow from the values beside it.
func (p paths) hide(fault *registry.Error) bool {
	if !refers(fault) && p.parents[parent(fault.Path)] {
		return true
	}
	for at := fault.Path; at != ""; at = parent(at) {
		if p.faulty[at] {
			return true
		}
	}
	return false
}

// refers reports whether a fault is of a reference to what is not declared.
func refers(fault *registry.Error) bool { return strings.HasSuffix(fault.Want, " of the Spec") }

func parent(path string) string { return path[:max(0, strings.LastIndexByte(path, '.'))] }

// translate returns a fault for the author of a file: with the value as it is written, and
// with keys and words instead of Go names.
func translate(fault *registry.Error, n *tree.Node, found bool) tree.Fault {
	out := tree.Fault{Path: fault.Path, Hint: fault.Hint}
	switch {
	case fault.Value == "":
		out.Problem = decode.InWords(fault.Want, facts.Names())
		return out
	case !found:
		out.Value = "not set"
	case n.Kind == tree.Scalar:
		out.Value = n.Show()
	default:
		out.Value = decode.InWords(fault.Value, facts.Names())
	}
	out.Want = decode.InWords(fault.Want, facts.Names())
	if found && out.Hint == "" && strings.HasSuffix(fault.Path, ".hedge.budget") && slices.Contains(offWords, n.Text) {
		out.Hint = "in a file a hedge always has a budget: for as good as none, declare one with ratio: 1000"
	}
	return out
}

// offWords are what a reader of the other fields writes for hedge.NoBudget, which has no word
// because a hedge without a bound doubles the load on a service that is slow for all.
var offWords = []string{"none", "unlimited", "off", "no", "false"}
