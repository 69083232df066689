package ductileconfig_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/internal/leak"
	"github.com/ductile-go/ductile/registry"
)

func TestMain(m *testing.M) { leak.Main(m) }

// load returns what texts declare, each a source of its own: "1.yaml", "2.yaml".
func load(t *testing.T, texts ...string) registry.Spec {
	t.Helper()
	spec, err := ductileconfig.Load(sources(texts...)...)
	require.NoError(t, err)
	return spec
}

func sources(texts ...string) []ductileconfig.Source {
	var out []ductileconfig.Source
	for i, text := range texts {
		out = append(out, ductileconfig.Bytes(string(rune('1'+i))+".yaml", []byte(text)))
	}
	return out
}

// faultsOf returns the faults of an error of Load.
func faultsOf(t *testing.T, err error) []*ductileconfig.Error {
	t.Helper()
	var list interface{ Unwrap() []error }
	require.ErrorAs(t, err, &list)
	var out []*ductileconfig.Error
	for _, one := range list.Unwrap() {
		fault, ok := errors.AsType[*ductileconfig.Error](one)
		require.True(t, ok, "%T is no *Error", one)
		out = append(out, fault)
	}
	return out
}

// firstLines returns the faults of an error without their excerpts.
func firstLines(t *testing.T, err error) []string {
	t.Helper()
	var out []string
	for _, fault := range faultsOf(t, err) {
		line, _, _ := strings.Cut(fault.Error(), "\n")
		out = append(out, line)
	}
	return out
}

// refused returns the faults of sources that Load must refuse, without excerpts.
func refused(t *testing.T, sources ...ductileconfig.Source) []string {
	t.Helper()
	spec, err := ductileconfig.Load(sources...)
	require.Error(t, err)
	require.Zero(t, spec)
	return firstLines(t, err)
}
