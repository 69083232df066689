package scenario

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ductile-go/ductile/ductileconfig/internal/facts"
	"github.com/ductile-go/ductile/ductileconfig/internal/table"
	"github.com/ductile-go/ductile/registry"
)

// Knob is a number that the configuration sets, with half and twice of it, as [File.With]
// takes them.
type Knob struct{ Path, Value, Low, High string }

// Knobs returns the numbers that a variant sets for the pipelines that clients and services
// name, and for what these use: durations, counts and shares, in the order of their paths.
// Low is half, and High is twice the value; a count is at least 1 and a share is at most 1.
// Numbers with a special meaning, such as unlimited, are left out.
func (f *File) Knobs(variant string) []Knob {
	spec, ok := f.loader.variants[variant]
	if !ok {
		return nil
	}
	reach := f.loader.reach(spec)
	var out []Knob
	for path := range spec.Origins {
		section, rest, _ := strings.Cut(path, ".")
		name, _, _ := strings.Cut(rest, ".")
		if !reach[section+"."+name] {
			continue
		}
		if k, ok := knob(spec, path); ok {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b Knob) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// reach returns what clients and services use, as "circuits.stripe", themselves included. Whatever
// has a name that stands in a pipeline is taken to be used by it.
func (l *loader) reach(spec registry.Spec) map[string]bool {
	out, words := map[string]bool{}, map[string]bool{}
	for queue := slices.Clone(l.used); len(queue) > 0; queue = queue[1:] {
		name := queue[0]
		if p, ok := spec.Pipelines[name]; ok && !out["pipelines."+name] {
			out["pipelines."+name] = true
			texts(reflect.ValueOf(p), words)
			queue = append(queue, p.Pipeline)
		}
	}
	for _, d := range l.doors() {
		out["families."+d.family] = true
		texts(reflect.ValueOf(spec.Families[d.family]), words)
	}
	for _, f := range facts.Spec().Fields {
		for _, name := range reflect.ValueOf(spec).FieldByIndex(f.Index).MapKeys() {
			if f.Key != "pipelines" && f.Key != "families" && words[name.String()] {
				out[f.Key+"."+name.String()] = true
			}
		}
	}
	return out
}

// texts collects the texts in a value.
func texts(v reflect.Value, into map[string]bool) {
	switch v.Kind() {
	case reflect.String:
		into[v.String()] = true
	case reflect.Pointer:
		if !v.IsNil() {
			texts(v.Elem(), into)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			texts(v.Field(i), into)
		}
	}
}

// knob returns the knob of a path, if that is a number.
func knob(spec registry.Spec, path string) (Knob, bool) {
	v, t, f := reflect.ValueOf(spec), facts.Spec(), (*table.Field)(nil)
	for key := range strings.SplitSeq(path, ".") {
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		switch {
		case !v.IsValid():
			return Knob{}, false
		case t.Kind == table.Map:
			v, t = v.MapIndex(reflect.ValueOf(key)), t.Elem
		case t.Kind == table.Struct && t.Field(key) != nil:
			f = t.Field(key)
			v, t = v.FieldByIndex(f.Index), f.Type
		default:
			return Knob{}, false
		}
	}
	if f == nil || !v.IsValid() {
		return Knob{}, false
	}
	return turn(path, v, t, f)
}

// turn returns half and twice a number.
func turn(path string, v reflect.Value, t *table.Type, f *table.Field) (Knob, bool) {
	k := Knob{Path: path}
	switch t.Kind {
	case table.Duration:
		d := time.Duration(v.Int())
		if d <= 0 || d > 1000*time.Hour {
			return k, false
		}
		k.Value, k.Low, k.High = d.String(), (d / 2).String(), (2 * d).String()
	case table.Int, table.Uint:
		n := int64(0)
		if t.Kind == table.Int {
			n = v.Int()
		} else {
			n = int64(min(v.Uint(), 1<<40)) //nolint:gosec // bounded
		}
		if n <= 0 || n > 1<<30 {
			return k, false
		}
		k.Value, k.Low, k.High = strconv.FormatInt(n, 10), strconv.FormatInt(max(n/2, 1), 10), strconv.FormatInt(2*n, 10)
	case table.Rate, table.Float:
		x := v.Float()
		if !(x > 0) || x > 1e9 {
			return k, false
		}
		high := 2 * x
		if t.Kind == table.Rate {
			high = min(high, f.Limit())
		}
		number := func(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
		k.Value, k.Low, k.High = number(x), number(x/2), number(high)
	default:
		return k, false
	}
	return k, true
}
