package scenario

import (
	"errors"
	"slices"

	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/ductileconfig/internal/decode"
	"github.com/ductile-go/ductile/ductileconfig/internal/facts"
	"github.com/ductile-go/ductile/ductileconfig/internal/schema"
	"github.com/ductile-go/ductile/ductileconfig/internal/table"
	"github.com/ductile-go/ductile/ductileconfig/internal/tree"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/sim"
)

// asConfigured is the variant of a file that has none.
const asConfigured = "as_configured"

// Load reads a scenario, and the configuration whose pipelines its clients and services
// use. It returns all faults joined, each of them a *ductileconfig.Error.
//
// Each variant is the configuration with changes. Fields of a pipeline change every
// pipeline that a client or service names, and null removes from them: {retry: {budget:
// null}} takes away the budget of a pipeline that retries, and makes no other one retry.
// Sections, such as circuits and pipelines, change the configuration by name. A file
// without variants has one, "as_configured".
//
// Every replica has a registry of its own, with the clock and the random numbers of the
// simulation. Functions that the configuration names are not there in a simulation:
// conditions and classes are the defaults, keys are those of the calls, fallbacks return
// nil, stores are memory, and backoffs that Funcs would provide are exponential.
func Load(source ductileconfig.Source, config ...ductileconfig.Source) (sim.Scenario, error) {
	f, err := Read(source, config...)
	if err != nil {
		return sim.Scenario{}, err
	}
	return f.Scenario(), nil
}

// Schema returns the JSON Schema, draft 2020-12, of what Load reads.
func Schema() []byte {
	return schema.Of(fileType(), "https://raw.githubusercontent.com/ductile-go/ductile/main/docs/scenario.schema.json", "A rehearsed outage for ductile")
}

type loader struct {
	config   []ductileconfig.Source
	over     *override // nil for none
	faults   tree.Faults
	raw      *tree.Node // as it is written
	root     *tree.Node // with extends resolved
	file     file
	base     registry.Spec // without variants
	used     []string      // the pipelines that clients and services use
	variants map[string]registry.Spec
}

// load reads everything, and returns the scenario.
func (l *loader) load(source ductileconfig.Source) (sim.Scenario, error) {
	l.variants = map[string]registry.Spec{}
	if err := l.read(source); err != nil {
		return sim.Scenario{}, err
	}
	if err := l.configure(); err != nil {
		return sim.Scenario{}, err
	}
	l.kept()
	s := l.scenario()
	l.check(s)
	return s, l.err()
}

func (l *loader) err() error {
	var all []error
	for _, fault := range l.faults.Sorted() {
		all = append(all, (*ductileconfig.Error)(fault))
	}
	return errors.Join(all...)
}

// read decodes the file, apart from what is merged with the configuration.
func (l *loader) read(source ductileconfig.Source) error {
	l.raw = source.Open(len(l.config), nil, &l.faults)
	if l.faults.Len() > 0 {
		return l.err()
	}
	if l.raw == nil {
		l.raw = &tree.Node{Kind: tree.Map, Place: tree.Place{File: "the scenario"}}
	}
	if l.over != nil && !l.override() {
		return l.err()
	}
	d := &decode.Decoder{Faults: &l.faults}
	d.Defaults(l.raw.Get(decode.Defaults), fileType().Kinds())
	d.Into(l.raw, fileType(), new(file), "") // all of it, for its faults
	own := l.raw.Without("variants")
	for _, f := range facts.Spec().Fields {
		own = own.Without(f.Key)
	}
	l.root = decode.Extend(own, fileType(), tree.NewLeft(tree.MaxNodes), &l.faults)
	if l.root != nil {
		d.Into(l.root, fileType(), &l.file, "")
	}
	return l.err()
}

// node is a Source of what is parsed already.
type node struct{ n *tree.Node }

// Open returns the node.
func (s node) Open(int, *tree.Node, *tree.Faults) *tree.Node { return s.n }

// only returns a source of those entries of n that are keys of a type, or nothing.
func only(n *tree.Node, t *table.Type, keep bool) *tree.Node {
	out := *n
	out.Entries = nil
	for _, e := range n.Entries {
		if (t.Field(e.Key) != nil) == keep {
			out.Entries = append(out.Entries, e)
		}
	}
	return &out
}

// configure loads the configuration of each variant.
func (l *loader) configure() error {
	sections := only(l.raw, facts.Spec(), true)
	if defaults := l.raw.Entry(decode.Defaults); defaults != nil {
		sections.Entries = append(sections.Entries, *defaults)
	}
	config := slices.Concat(l.config, []ductileconfig.Source{node{sections}})
	base, err := ductileconfig.Load(config...)
	if err != nil {
		return err
	}
	l.base, l.used = base, l.uses(base)
	if l.faults.Len() > 0 {
		return l.err()
	}
	load := func(over func(variant string) []ductileconfig.Source) error {
		var all []error
		for _, name := range l.variantNames() {
			spec, err := ductileconfig.Load(slices.Concat(config, l.changes(name), over(name))...)
			if err != nil {
				all = append(all, unjoin(err)...)
			}
			l.variants[name] = spec
		}
		return errors.Join(distinct(all)...)
	}
	none := func(string) []ductileconfig.Source { return nil }
	if err := load(none); err != nil || l.over == nil || l.over.place == inScenario {
		return err
	}
	targets := l.targets()
	if l.faults.Len() > 0 {
		return l.err()
	}
	return load(func(variant string) []ductileconfig.Source { return targets[variant] })
}

// changes returns the sources of a variant.
func (l *loader) changes(name string) []ductileconfig.Source {
	n := l.raw.Get("variants").Get(name)
	if n == nil || n.Kind == tree.Null {
		return nil
	}
	out := []ductileconfig.Source{node{only(n, facts.Spec(), true)}}
	pipeline := only(n, facts.Spec(), false).Fainted()
	if len(pipeline.Entries) == 0 {
		return out
	}
	for _, p := range l.used {
		out = append(out, node{tree.Wrap(pipeline, "pipelines", p)})
	}
	return out
}

func (l *loader) variantNames() []string {
	names := keys(l.raw, "variants")
	if len(names) == 0 {
		return []string{asConfigured}
	}
	return names
}

// keys returns the names of a section in the order of the file.
func keys(root *tree.Node, section string) []string {
	n := root.Get(section)
	if n == nil {
		return nil
	}
	var out []string
	for _, e := range n.Entries {
		if e.Value.Kind != tree.Null || section == "variants" {
			out = append(out, e.Key)
		}
	}
	return out
}

func unjoin(err error) []error {
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		return list.Unwrap()
	}
	return []error{err}
}

// distinct drops errors of the same text: variants share most of their faults.
func distinct(all []error) []error {
	seen := map[string]bool{}
	var out []error
	for _, err := range all {
		if !seen[err.Error()] {
			seen[err.Error()] = true
			out = append(out, err)
		}
	}
	return out
}
