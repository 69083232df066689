package registry

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/internal/redact"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// Snapshot is what a registry holds at a time, for pages and tests. The parts are read one
// after another, while calls go on.
type Snapshot struct {
	Revision int64     `json:"revision"`         // how many Applies have changed something, New included
	At       time.Time `json:"at,omitzero"`      // when the last of them was
	Changes  Changes   `json:"changes,omitzero"` // what it changed
	// Failed is the error of the last reload, if nothing has been applied since. See
	// [Registry.Failed].
	Failed string `json:"failed,omitempty"`

	Pipelines map[string]PipelineSnapshot `json:"pipelines"`
	Families  map[string]FamilySnapshot   `json:"families"`

	Circuits       map[string]breaker.Snapshot     `json:"circuits"`
	Budgets        map[string]retry.BudgetSnapshot `json:"budgets"`
	Bulkheads      map[string]bulkhead.Snapshot    `json:"bulkheads"`
	AdaptiveLimits map[string]adaptive.Snapshot    `json:"adaptive_limits"`
	RateLimits     map[string]ratelimit.Snapshot   `json:"rate_limits"`
	Throttles      map[string]throttle.Snapshot    `json:"throttles"`

	// Values is the config in force, in the order of the fields of Spec and of names.
	Values []Value `json:"values"`
}

// PipelineSnapshot describes a pipeline.
type PipelineSnapshot struct {
	Text        string             `json:"text"` // "retry(3) > breaker(stripe)"
	Description policy.Description `json:"description"`
}

// FamilySnapshot describes a family.
type FamilySnapshot struct {
	Pipeline    string             `json:"pipeline"`
	Members     int                `json:"members"`
	Text        string             `json:"text"` // of a member
	Description policy.Description `json:"description"`
}

// Value is a value of the config in force.
type Value struct {
	Path  string `json:"path"`  // "circuits.stripe.recovery_timeout"
	Value string `json:"value"` // "30s"
	// Origin is where it comes from: as Spec.Origins says, else "code", or "default".
	Origin string `json:"origin"`
}

// Snapshot returns what the registry holds.
func (r *Registry) Snapshot() Snapshot {
	s, failed := r.current()
	snap := Snapshot{
		Revision: s.revision, At: s.at, Changes: s.changes.clone(),
		Pipelines: map[string]PipelineSnapshot{}, Families: map[string]FamilySnapshot{},
		Circuits:       snapshots(s, circuits, (*breaker.Circuit).Snapshot),
		Budgets:        snapshots(s, budgets, (*retry.Budget).Snapshot),
		Bulkheads:      snapshots(s, bulkheads, (*bulkhead.Gate).Snapshot),
		AdaptiveLimits: snapshots(s, adaptiveLimits, (*adaptive.Limiter).Snapshot),
		RateLimits:     snapshots(s, rateLimits, (*ratelimit.Limiter).Snapshot),
		Throttles:      snapshots(s, throttles, (*throttle.Throttle).Snapshot),
		Values:         s.spec.values(),
	}
	if failed != nil {
		snap.Failed = redact.Error(failed, func(s string) string { return s })
	}
	for name := range s.spec.Pipelines {
		d := r.describe(s, name, nil)
		snap.Pipelines[name] = PipelineSnapshot{d.String(), d}
	}
	for name, f := range s.spec.Families {
		d := r.describe(s, name, &f)
		snap.Families[name] = FamilySnapshot{f.Pipeline, s.families[name].Len(), d.String(), d}
	}
	return snap
}

// current returns the state and the error of the last reload, of one moment.
func (r *Registry) current() (*state, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held(), r.failed
}

func snapshots[V, S any](s *state, class shared, snapshot func(V) S) map[string]S {
	all := map[string]S{}
	for name := range class.declared(s.spec) {
		all[name] = snapshot(s.shared[class.name()][name].(V))
	}
	return all
}

// describe describes a pipeline of any type, from one that is made for it.
func (r *Registry) describe(s *state, name string, family *FamilySpec) policy.Description {
	p := r.planOf(s)
	p.parts, p.describing, p.family = new(partsByName), true, family
	if family != nil {
		p.own = map[string]any{}
		for _, class := range classes {
			class.addMember(&r.env, name, family, false, p.own)
		}
	}
	return chainOf[any](p, name, "", nil).Describe()
}

// values returns the values in force, with their origins.
func (s *Spec) values() []Value {
	var all []Value
	full := s.filled()
	walk("", reflect.ValueOf(s).Elem(), reflect.ValueOf(full).Elem(), func(path string, given, filled reflect.Value) {
		origin := s.Origins[path]
		switch {
		case origin != "":
		case given.IsZero():
			origin = "default"
		default:
			origin = "code"
		}
		all = append(all, Value{path, textOf(filled), origin})
	})
	return all
}

// walk calls yield for each value of a declaration that is set, or has a default.
func walk(path string, given, filled reflect.Value, yield func(path string, given, filled reflect.Value)) {
	for i := range filled.NumField() {
		field := filled.Type().Field(i)
		name := field.Tag.Get("config")
		switch {
		case name == "-", field.Tag.Get("json") == "-":
		case field.Anonymous:
			walk(path, given.Field(i), filled.Field(i), yield)
		default:
			if name == "" {
				name = snake(field.Name)
			}
			visit(strings.TrimPrefix(path+"."+name, "."), given.Field(i), filled.Field(i), yield)
		}
	}
}

func visit(path string, given, filled reflect.Value, yield func(path string, given, filled reflect.Value)) {
	switch {
	case filled.Kind() == reflect.Map:
		for _, key := range sortedKeys(filled) {
			walk(path+"."+key.String(), given.MapIndex(key), filled.MapIndex(key), yield)
		}
	case filled.IsZero() || filled.Kind() == reflect.Func || filled.Kind() == reflect.Interface:
	case filled.Kind() == reflect.Pointer:
		if declares(filled.Type().Elem()) {
			walk(path, given.Elem(), filled.Elem(), yield)
		}
	case filled.Kind() == reflect.Struct:
		walk(path, given, filled, yield)
	default:
		yield(path, given, filled)
	}
}

func textOf(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case encoding.TextMarshaler:
		if text, err := x.MarshalText(); err == nil {
			return string(text)
		}
	case time.Duration:
		return x.String()
	}
	return fmt.Sprint(v.Interface())
}

func sortedKeys(m reflect.Value) []reflect.Value {
	return slices.SortedFunc(slices.Values(m.MapKeys()), func(a, b reflect.Value) int {
		return strings.Compare(a.String(), b.String())
	})
}
