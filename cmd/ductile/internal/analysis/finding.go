package analysis

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ductile-go/ductile/registry"
)

// Severity ranks findings.
type Severity string

const (
	// Error is for a value that cannot do what it says.
	Error Severity = "error"
	// Warning is for what works and is likely to hurt.
	Warning Severity = "warning"
	// Note is for what is worth knowing.
	Note Severity = "note"
)

// Finding is something in a valid Spec that cannot work, is likely to hurt, or is worth
// knowing.
type Finding struct {
	Path     string   `json:"path"` // "pipelines.charge.attempt_timeout"
	Severity Severity `json:"severity"`
	Code     string   `json:"code"` // a constant: "hedge-never-acts"
	Text     string   `json:"text"` // what is the case
	Fix      string   `json:"fix"`  // what to do
}

// Check returns what it finds in spec, by path. spec must be one that a registry accepts.
func Check(spec registry.Spec) []Finding {
	f := &findings{}
	r := views{spec}
	all := r.all()
	for _, v := range all {
		for _, p := range v.chain() {
			p.checkTimes(f)
			p.checkRetry(f)
			p.checkHedge(f)
			p.checkRest(f)
		}
		v.checkWhole(f, isInner(v, all))
	}
	checkCircuits(f, all)
	checkUnused(f, spec)
	checkFamilies(f, spec)
	slices.SortStableFunc(f.all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Code, b.Code))
	})
	return f.all
}

// isInner reports whether v stands in another pipeline.
func isInner(v *view, all []*view) bool {
	return slices.ContainsFunc(all, func(w *view) bool {
		return slices.ContainsFunc(w.chain()[1:], func(in *view) bool { return in.path == v.path })
	})
}

// findings collects what is found. A pipeline that stands in others is checked more than
// once, so each code is added once for a path.
type findings struct{ all []Finding }

func (f *findings) add(s Severity, path, code, text, fix string) {
	if !slices.ContainsFunc(f.all, func(g Finding) bool { return g.Path == path && g.Code == code }) {
		f.all = append(f.all, Finding{path, s, code, text, fix})
	}
}

func (f *findings) errorf(path, code, fix, format string, args ...any) {
	f.add(Error, path, code, fmt.Sprintf(format, args...), fix)
}

func (f *findings) warnf(path, code, fix, format string, args ...any) {
	f.add(Warning, path, code, fmt.Sprintf(format, args...), fix)
}

func (f *findings) notef(path, code, fix, format string, args ...any) {
	f.add(Note, path, code, fmt.Sprintf(format, args...), fix)
}
