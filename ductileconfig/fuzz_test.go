package ductileconfig_test

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig"
)

// FuzzLoad feeds texts and variables to Load. It never panics, what it refuses has a
// place, and what it accepts builds.
func FuzzLoad(f *testing.F) {
	for _, path := range []string{"testdata/ductile.yaml", "testdata/everything.yaml", "testdata/service.json"} {
		text, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(text, []byte("circuits: {a: null}\n"), "DUCTILE__CIRCUITS__STRIPE__WINDOW=5s")
	}
	for _, bad := range slices.Concat(badValues, badFiles) {
		f.Add([]byte(bad.text), []byte(bad.text), bad.text)
	}
	f.Fuzz(func(t *testing.T, first, second []byte, variable string) {
		spec, err := ductileconfig.Load(
			ductileconfig.Bytes("first.yaml", first),
			ductileconfig.Bytes("second.yaml", second),
			ductileconfig.Environ("", []string{variable, "DUCTILE__DEFAULTS__X__" + variable}),
		)
		if err == nil {
			build(t, spec)
			return
		}
		require.Zero(t, spec)
		for _, fault := range faultsOf(t, err) {
			assert.NotEmpty(t, fault.File)
			assert.True(t, fault.Problem != "" || fault.Value != "" && fault.Want != "", "%+v", fault)
			assert.NotPanics(t, func() { _ = errors.Unwrap(fault) })
		}
	})
}
