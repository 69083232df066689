package registry

import (
	"context"
	"maps"
	"reflect"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Funcs are the functions that a [Spec] refers to by name. They must be safe for concurrent
// use. A name that is not there, or whose function is nil, makes [New] and [Registry.Apply]
// fail.
type Funcs struct {
	RetryIf  map[string]func(error) bool           // for retry_if, hedge_if and negative
	Classify map[string]func(error) policy.Outcome // for classify
	Backoff  map[string]retry.Backoff              // for backoff, beside the library's own

	// Fallback holds functions of type func(context.Context, error) (T, error), for the T
	// of the pipelines that name them. [Pipeline] and [Keyed] check the type.
	Fallback map[string]any
	// Key holds the key functions of caches and coalesces. False means that a call is not
	// kept or shared.
	Key map[string]func(context.Context) (string, bool)
	// Store holds values of type cache.Store[string, T], for the T of the pipelines that
	// name them. [Pipeline] and [Keyed] check the type.
	Store map[string]any
}

// clone returns a copy whose maps are its own.
func (f Funcs) clone() Funcs {
	return Funcs{
		RetryIf: maps.Clone(f.RetryIf), Classify: maps.Clone(f.Classify), Backoff: maps.Clone(f.Backoff),
		Fallback: maps.Clone(f.Fallback), Key: maps.Clone(f.Key), Store: maps.Clone(f.Store),
	}
}

// env is what the configs of a Spec are completed with.
type env struct {
	clock policy.Clock
	rand  func() float64
	funcs Funcs
	// anyName is true if the functions are not known, so that every name is good.
	anyName bool
}

// named adds a fault if a function is not known, or is nil.
func named[F any](e *env, f *faults, path, name, want string, funcs map[string]F) {
	if e.anyName || name == "" {
		return
	}
	switch fn, ok := funcs[name]; {
	case !ok:
		f.reference(path, name, want, maps.Keys(funcs))
	case isNilFunc(fn):
		f.add(path, name, want, "the function of that name is nil")
	}
}

// isNilFunc reports whether fn is a function that is nil. What is given as any is checked
// for the T of a pipeline.
func isNilFunc[F any](fn F) bool {
	v := reflect.ValueOf(&fn).Elem()
	return v.Kind() == reflect.Func && v.IsNil()
}

// retryIf returns the function of that name, or nil for the empty name.
func (e *env) retryIf(name string, otherwise func(error) bool) func(error) bool {
	switch {
	case name == "":
		return otherwise
	case e.anyName:
		return func(error) bool { return false }
	}
	return e.funcs.RetryIf[name]
}

func (e *env) classify(name string, otherwise func(error) policy.Outcome) func(error) policy.Outcome {
	switch {
	case name == "":
		return otherwise
	case e.anyName:
		return func(error) policy.Outcome { return policy.Undecided }
	}
	return e.funcs.Classify[name]
}

func (e *env) key(name string) func(context.Context) (string, bool) {
	if e.anyName && name != "" {
		return func(context.Context) (string, bool) { return "", false }
	}
	return e.funcs.Key[name]
}
