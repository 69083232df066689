package ductileconfig_test

import (
	"context"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/ductileconfig/internal/facts"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

// funcsFor returns functions of all names that a Spec refers to.
func funcsFor(spec registry.Spec) registry.Funcs {
	f := registry.Funcs{
		RetryIf: map[string]func(error) bool{}, Classify: map[string]func(error) policy.Outcome{}, Backoff: map[string]retry.Backoff{},
		Fallback: map[string]any{}, Key: map[string]func(context.Context) (string, bool){}, Store: map[string]any{},
	}
	classify := func(name string) { f.Classify[name] = func(error) policy.Outcome { return policy.Undecided } }
	retryIf := func(name string) { f.RetryIf[name] = func(error) bool { return false } }
	key := func(name string) { f.Key[name] = func(context.Context) (string, bool) { return "", false } }
	for _, c := range spec.Circuits {
		classify(c.ClassifyBy)
	}
	for _, c := range spec.AdaptiveLimits {
		classify(c.ClassifyBy)
	}
	for _, c := range spec.Throttles {
		classify(c.ClassifyBy)
	}
	for _, family := range spec.Families {
		if family.Circuit != nil {
			classify(family.Circuit.ClassifyBy)
		}
		if family.AdaptiveLimit != nil {
			classify(family.AdaptiveLimit.ClassifyBy)
		}
		if family.Throttle != nil {
			classify(family.Throttle.ClassifyBy)
		}
	}
	for _, p := range spec.Pipelines {
		f.Fallback[p.Fallback] = func(context.Context, error) (any, error) { return nil, nil } //nolint:nilnil // not called
		if p.Retry != nil {
			retryIf(p.Retry.RetryIfName)
			f.Backoff[p.Retry.BackoffName] = retry.Constant(1)
		}
		if p.Hedge != nil {
			retryIf(p.Hedge.HedgeIfName)
		}
		if p.Cache != nil {
			retryIf(p.Cache.NegativeName)
			key(p.Cache.Key)
			f.Store[p.Cache.Store] = cache.NewMemory[string, any](cache.MemoryConfig{MaxEntries: 10})
		}
		if p.Coalesce != nil {
			key(p.Coalesce.Key)
		}
	}
	for _, name := range []string{"exponential", "full_jitter", "equal_jitter", "decorrelated", "fibonacci", "linear", "constant"} {
		delete(f.Backoff, name) // the library's own
	}
	delete(f.RetryIf, "")
	delete(f.Classify, "")
	delete(f.Key, "")
	delete(f.Backoff, "")
	delete(f.Fallback, "")
	delete(f.Store, "")
	return f
}

// build makes a registry of a Spec, and every pipeline and family in it.
func build(t *testing.T, spec registry.Spec) *registry.Registry {
	t.Helper()
	clk := fake.NewClock()
	r, err := registry.New(spec, registry.WithClock(clk), registry.WithFuncs(funcsFor(spec)))
	require.NoError(t, err)
	for name := range spec.Pipelines {
		_, err := registry.Pipeline[any](r, name)
		require.NoError(t, err)
	}
	for name := range spec.Families {
		family, err := registry.Keyed[any](r, name)
		require.NoError(t, err)
		family.Get("key")
	}
	return r
}

func TestEveryFixtureBuilds(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.*")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		spec, err := ductileconfig.Load(ductileconfig.File(path))
		require.NoError(t, err)
		build(t, spec)
	}
}

// The fixture with every field sets every field of every struct that a Spec has.
func TestTheFixtureOfEverythingSetsEveryField(t *testing.T) {
	spec, err := ductileconfig.Load(ductileconfig.File("testdata/everything.yaml"))
	require.NoError(t, err)
	set := map[string]bool{}
	mark(reflect.ValueOf(spec), set)
	for name := range facts.All().Fields {
		assert.True(t, set[name], "%s is set to something by testdata/everything.yaml", name)
	}
}

// mark notes the fields of structs that are not zero.
func mark(v reflect.Value, set map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			mark(v.Elem(), set)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			mark(v.MapIndex(key), set)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); !v.Field(i).IsZero() {
				set[v.Type().String()+"."+f.Name] = true
				mark(v.Field(i), set)
			}
		}
	}
}
