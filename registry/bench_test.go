package registry_test

import (
	"testing"

	"github.com/ductile-go/ductile/registry"
)

// Each Apply changes everything that the storm of the stress test declares, with the
// pipelines of two types in use.
func BenchmarkApply(b *testing.B) {
	specs := []registry.Spec{storm(0), storm(1)}
	r, err := registry.New(specs[0], registry.WithFuncs(funcs()))
	if err != nil {
		b.Fatal(err)
	}
	for name := range specs[0].Pipelines {
		_, _ = registry.Pipeline[int](r, name)
		_, _ = registry.Pipeline[string](r, name)
	}
	b.ReportAllocs()
	for i := 1; b.Loop(); i++ {
		_, _ = r.Apply(specs[i%2])
	}
}
