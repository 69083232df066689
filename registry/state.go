package registry

import (
	"maps"
	"reflect"
	"time"
)

// state is what a registry holds at a time. It is immutable, except that the things in it
// have states of their own.
type state struct {
	spec     *Spec
	revision int64 // how many Applies have changed something
	at       time.Time
	changes  Changes // of the last Apply that changed something
	applied  Changes // of the Apply that made this state; none if something else did

	// shared is by section and name. What was removed stays, for those that hold it: if it
	// is declared again, it is the same thing, and a reference to it is good again.
	shared   map[string]map[string]any
	lives    map[partsKey]live // of pipelines, also removed ones
	families map[string]familyAt
	typed    map[partsKey]func(e *env, s *Spec, f *faults) // checks a family for a T
}

// live is a Live of any T.
type live interface {
	settle(s *state)
	check(e *env, s *Spec, f *faults)
}

// familyAt is a family with the last Spec that declares it.
type familyAt struct {
	*family
	spec     *Spec
	revision int64 // of the state with that Spec
}

// copied returns a copy to be changed into the next state.
func (s *state) copied() *state {
	is := *s
	is.applied = Changes{}
	return &is
}

// next returns the state with another Spec, for which it makes what is new. It changes
// nothing of s.
func (s *state) next(r *Registry, spec *Spec) *state {
	is := s.copied()
	is.spec = spec
	is.applied = changesOf(s.spec, spec)
	if is.applied.None() {
		is.spec = s.spec.withOrigins(spec)
		return is
	}
	is.revision, is.at, is.changes = s.revision+1, r.now(), is.applied
	is.shared = make(map[string]map[string]any, len(classes))
	for _, class := range classes {
		all := maps.Clone(s.shared[class.name()])
		if all == nil {
			all = map[string]any{}
		}
		class.add(&r.env, spec, all)
		is.shared[class.name()] = all
	}
	is.families = make(map[string]familyAt, len(s.families))
	maps.Copy(is.families, s.families)
	for name, declared := range spec.Families {
		f := is.families[name].family
		if f == nil {
			f = newFamily(r, name, declared)
		}
		is.families[name] = familyAt{f, spec, is.revision}
	}
	return is
}

// withOrigins returns s with the origins of another Spec that declares the same.
func (s *Spec) withOrigins(from *Spec) *Spec {
	c := *s
	c.Origins = from.Origins
	return &c
}

// checkTypes checks the functions of spec for the T of each pipeline and family in use.
func (s *state) checkTypes(e *env, spec *Spec) error {
	f := new(faults)
	for _, l := range s.lives {
		l.check(e, spec, f)
	}
	for _, check := range s.typed {
		check(e, spec, f)
	}
	return f.err()
}

// withLive returns a copy of s with a further Live.
func (s *state) withLive(key partsKey, l live) *state {
	is := s.copied()
	is.lives = maps.Clone(s.lives)
	if is.lives == nil {
		is.lives = map[partsKey]live{}
	}
	is.lives[key] = l
	return is
}

// withTyped returns a copy of s with a further T of a family.
func (s *state) withTyped(key partsKey, check func(e *env, s *Spec, f *faults)) *state {
	is := s.copied()
	is.typed = maps.Clone(s.typed)
	if is.typed == nil {
		is.typed = map[partsKey]func(e *env, s *Spec, f *faults){}
	}
	is.typed[key] = check
	return is
}

// planOf returns the plan of pipelines.
func (r *Registry) planOf(s *state) *plan {
	return &plan{env: &r.env, spec: s.spec, revision: s.revision, shared: s.shared, parts: &r.parts}
}

func typeOf[T any](name string) partsKey { return partsKey{name, reflect.TypeFor[T]()} }
