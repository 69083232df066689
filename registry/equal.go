package registry

import (
	"maps"
	"reflect"
	"unsafe"

	"github.com/ductile-go/ductile/internal/same"
)

// equal reports whether two declarations are the same in every field. Functions are the
// same if they are one value: two closures of the same code differ. It compares by
// reflection, so that no field can be left out.
func equal[T any](a, b T) bool {
	return equalValues(reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem())
}

func equalValues(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Func:
		return *(*unsafe.Pointer)(a.Addr().UnsafePointer()) == *(*unsafe.Pointer)(b.Addr().UnsafePointer())
	case reflect.Interface:
		return same.Values(a.Interface(), b.Interface())
	case reflect.Struct:
		for i := range a.NumField() {
			if !equalValues(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() || !declares(a.Type().Elem()) {
			return a.UnsafePointer() == b.UnsafePointer()
		}
		return equalValues(a.Elem(), b.Elem())
	}
	return a.Equal(b)
}

// declares reports whether a pointer to t is an optional part of a declaration. Other
// pointers are to things, such as a budget, which are the same only if they are one.
func declares(t reflect.Type) bool { return t.PkgPath() == reflect.TypeFor[Spec]().PkgPath() }

// clone returns a copy of s that shares no map and no part with it.
func (s *Spec) clone() *Spec {
	c := Spec{
		Circuits: maps.Clone(s.Circuits), Budgets: maps.Clone(s.Budgets), Bulkheads: maps.Clone(s.Bulkheads),
		AdaptiveLimits: maps.Clone(s.AdaptiveLimits), RateLimits: maps.Clone(s.RateLimits), Throttles: maps.Clone(s.Throttles),
		Pipelines: maps.Clone(s.Pipelines), Families: maps.Clone(s.Families), Origins: maps.Clone(s.Origins),
	}
	for name, p := range c.Pipelines {
		p.Cache, p.Coalesce, p.Retry, p.Hedge, p.Chaos = copied(p.Cache), copied(p.Coalesce), copied(p.Retry), copied(p.Hedge), copied(p.Chaos)
		c.Pipelines[name] = p
	}
	for name, f := range c.Families {
		f.Circuit, f.Throttle, f.RateLimit, f.Bulkhead, f.AdaptiveLimit = copied(f.Circuit), copied(f.Throttle), copied(f.RateLimit), copied(f.Bulkhead), copied(f.AdaptiveLimit)
		c.Families[name] = f
	}
	return &c
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
