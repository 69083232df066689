package ductileconfig

import (
	"errors"
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
	decoded := l.faults.Paths()
	for _, fault := range unjoin(spec.Validate()) {
		if !hidden(fault, decoded) {
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

// hidden reports whether a fault may follow from another: one of the same value, or of a
// value that stands beside it. Faults of other mappings do not hide it. A reference to
// what is not declared does not follow from the values beside it.
func hidden(fault *registry.Error, decoded []string) bool {
	reference := strings.HasSuffix(fault.Want, " of the Spec")
	for _, other := range decoded {
		beside := parent(other) == parent(fault.Path)
		if other == fault.Path || strings.HasPrefix(fault.Path, other+".") || beside && !reference {
			return true
		}
	}
	return false
}

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
	return out
}
