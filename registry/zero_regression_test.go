package registry_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/registry"
)

func TestTheZeroRegistrySaysWhatToDo(t *testing.T) {
	const want = "registry: zero Registry, want one made by New"
	for range 2 { // no lock is left behind
		r := new(registry.Registry)
		assert.PanicsWithError(t, want, func() { r.Snapshot() })
		assert.PanicsWithError(t, want, func() { r.Snapshot() })
		assert.PanicsWithError(t, want, func() { _, _ = r.Apply(registry.Spec{}) })
		assert.PanicsWithError(t, want, func() { r.Names() })
		assert.PanicsWithError(t, want, func() { _, _ = r.Circuit("c") })
		assert.PanicsWithError(t, want, func() { _, _ = registry.Pipeline[int](r, "p") })
		assert.PanicsWithError(t, want, func() { _, _ = registry.Keyed[int](r, "f") })
	}
}

type brokenError struct{}

func (*brokenError) Error() string { panic("typed nil") }

func TestAFailureWhoseTextPanicsDoesNotBreakSnapshots(t *testing.T) {
	r := made(t, shop())
	r.Failed((*brokenError)(nil))
	assert.Contains(t, r.Snapshot().Failed, "*registry_test.brokenError, whose text cannot be shown")
}
