package scenario

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/ductileconfig/internal/decode"
	"github.com/ductile-go/ductile/ductileconfig/internal/facts"
	"github.com/ductile-go/ductile/ductileconfig/internal/table"
	"github.com/ductile-go/ductile/ductileconfig/internal/tree"
	"github.com/ductile-go/ductile/registry"
)

// override is a value that replaces what the files have.
type override struct {
	text  string // "retry.max_attempts=5"
	path  []string
	value string
	place place
}

// place is what an override changes.
type place uint8

const (
	inScenario place = iota + 1 // a client, a service, a fault
	inSection                   // a section of the configuration
	inPipeline                  // each pipeline that is used
)

func newOverride(path, value string) *override {
	return &override{text: path + "=" + value, path: strings.Split(strings.ReplaceAll(path, "[", ".["), "."), value: value}
}

// at is the place that faults of the value have.
func (o *override) at(rank int) tree.Place { return tree.Place{Rank: rank, File: o.text} }

// override decides what the override changes, and changes the scenario if it is that. It
// returns false if it added a fault.
func (l *loader) override() bool {
	key := l.over.path[0]
	switch {
	case facts.Spec().Field(key) != nil:
		l.over.place = inSection
	case pipelineType().Field(key) != nil:
		l.over.place = inPipeline
	case fileType().Field(key) != nil && key != "variants" && key != "expect":
		l.over.place = inScenario
		return l.change()
	default:
		known := slices.Concat(pipelineType().Keys(), facts.Spec().Keys(), []string{"seed", "duration", "warmup", "services", "clients", "faults"})
		l.wrong(tree.Fault{Path: key, Problem: "unknown field", Hint: decode.Suggest(key, known)})
		return false
	}
	return true
}

func pipelineType() *table.Type { return facts.Spec().Field("pipelines").Type.Elem }

func (l *loader) wrong(f tree.Fault) {
	if f.Hint == "" && f.Problem == "unknown field" {
		f.Hint = "want a path such as retry.max_attempts, circuits.NAME.failure_rate or services.NAME.workers"
	}
	l.faults.Add(l.over.at(len(l.config)+2), f)
}

// node returns the value.
func (l *loader) node() *tree.Node {
	at, v := l.over.at(len(l.config)+2), l.over.value
	switch {
	case v == "null" || v == "~" || v == "":
		return &tree.Node{Kind: tree.Null, Text: v, Place: at}
	case v[0] == '{' || v[0] == '[':
		var bad tree.Faults
		if n := tree.Parse(at, []byte("v: "+v), &bad); n != nil && bad.Len() == 0 {
			return n.Get("v").Moved(at)
		}
	}
	return &tree.Node{Kind: tree.Scalar, Text: v, Place: at}
}

// change changes the scenario's own fields. Names must be there.
func (l *loader) change() bool {
	changed, problem, known := put(l.raw, fileType(), l.over.path, l.node())
	if problem == "" {
		l.raw = changed
		return true
	}
	hint := decode.Suggest(problem, known)
	if hint == "" && len(known) > 0 {
		hint = "there are " + strings.Join(known, ", ")
	}
	l.wrong(tree.Fault{Path: strings.ReplaceAll(strings.Join(l.over.path, "."), ".[", "["), Problem: "the scenario has no " + problem, Hint: hint})
	return false
}

// put returns n with the value at a path replaced. If there is no such name or item, it
// returns which, and those that there are.
func put(n *tree.Node, t *table.Type, path []string, value *tree.Node) (out *tree.Node, missing string, known []string) {
	if len(path) == 0 {
		return value, "", nil
	}
	key, inner := path[0], (*table.Type)(nil) // the decoder says that a field is unknown
	if index, ok := strings.CutPrefix(key, "["); ok {
		return putItem(n, t, strings.TrimSuffix(index, "]"), path, value)
	}
	e := n.Entry(key)
	named := t != nil && t.Kind == table.Map
	switch {
	case e == nil && named:
		for _, one := range n.Entries {
			known = append(known, one.Key)
		}
		return nil, key, known
	case named:
		inner = t.Elem
	case t != nil && t.Field(key) != nil:
		inner = t.Field(key).Type
	}
	old := &tree.Node{Kind: tree.Map, Place: value.Place}
	if e != nil && e.Value.Kind != tree.Null {
		old = e.Value
	}
	v, missing, known := put(old, inner, path[1:], value)
	if missing != "" {
		return nil, missing, known
	}
	return n.With(tree.Entry{Key: key, At: value.Place, Value: v}), "", nil
}

func putItem(n *tree.Node, t *table.Type, index string, path []string, value *tree.Node) (out *tree.Node, missing string, known []string) {
	i, err := strconv.Atoi(index)
	if err != nil || i < 0 || i >= len(n.Items) {
		return nil, "[" + index + "]", nil
	}
	var inner *table.Type
	if t != nil {
		inner = t.Elem
	}
	v, missing, known := put(n.Items[i], inner, path[1:], value)
	if missing != "" {
		return nil, missing, known
	}
	changed := *n
	changed.Items = slices.Clone(n.Items)
	changed.Items[i] = v
	return &changed, "", nil
}

// targets returns the sources that change the configuration of each variant.
func (l *loader) targets() map[string][]ductileconfig.Source {
	out, value := map[string][]ductileconfig.Source{}, l.node()
	if l.over.place == inSection {
		if !l.named() {
			return nil
		}
		for name := range l.variants {
			out[name] = []ductileconfig.Source{node{tree.Wrap(value, l.over.path...)}}
		}
		return out
	}
	if len(l.used) == 0 {
		l.wrong(tree.Fault{Path: strings.Join(l.over.path, "."), Problem: "no client and no service names a pipeline", Hint: "add pipeline: NAME to a client"})
		return nil
	}
	for _, all := range []bool{false, true} {
		for name, spec := range l.variants {
			for _, p := range l.used {
				if all || sets(spec, p, l.over.path[0]) {
					out[name] = append(out[name], node{tree.Wrap(value, append([]string{"pipelines", p}, l.over.path...)...)})
				}
			}
		}
		if len(out) > 0 {
			break
		}
	}
	return out
}

// sets reports whether a pipeline of a configuration sets a field.
func sets(spec registry.Spec, pipeline, key string) bool {
	p, ok := spec.Pipelines[pipeline]
	return ok && !reflect.ValueOf(p).FieldByIndex(pipelineType().Field(key).Index).IsZero()
}

// named reports whether the name in the path of a section is declared in any variant. It adds
// a fault if it is not.
func (l *loader) named() bool {
	section := l.over.path[0]
	all := map[string]bool{}
	for _, spec := range l.variants {
		for _, k := range reflect.ValueOf(spec).FieldByIndex(facts.Spec().Field(section).Index).MapKeys() {
			all[k.String()] = true
		}
	}
	names := slices.Sorted(maps.Keys(all))
	switch {
	case len(l.over.path) < 2 || l.over.path[1] == "":
		l.wrong(tree.Fault{Path: section, Problem: "the path has no name", Hint: "want a path such as " + section + ".NAME.FIELD"})
	case !all[l.over.path[1]]:
		hint := decode.Suggest(l.over.path[1], names)
		if hint == "" && len(names) > 0 {
			hint = "there are " + strings.Join(names, ", ")
		}
		l.wrong(tree.Fault{Path: section + "." + l.over.path[1], Problem: "the configuration does not declare it", Hint: hint})
	default:
		return true
	}
	return false
}
