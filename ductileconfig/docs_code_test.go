package ductileconfig_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/registry"
)

// charge is the code of docs/configuration.md.
func charge(ctx context.Context, funcs registry.Funcs, done chan<- string) error {
	sources := []ductileconfig.Source{ductileconfig.File("ductile.yaml"), ductileconfig.Env("DUCTILE")}
	spec, err := ductileconfig.Load(sources...)
	if err != nil {
		return err // all faults, each with its file, line and column
	}
	r, err := registry.New(spec, registry.WithFuncs(funcs))
	if err != nil {
		return err
	}
	go func() { _ = ductileconfig.Watch(ctx, r, ductileconfig.WatchConfig{SIGHUP: true}, sources...) }()
	charge, err := registry.Pipeline[Receipt](r, "charge")
	if err == nil {
		done <- charge.String()
	}
	return err
}

func TestTheCodeOfTheDocsRuns(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "ductile.yaml"))
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	require.ErrorContains(t, charge(ctx, registry.Funcs{}, nil), "ductile.yaml: the file does not exist")
	put(t, "ductile.yaml", string(text))
	done := make(chan string, 1)
	require.NoError(t, charge(ctx, registry.Funcs{}, done))
	assert.Equal(t, "timeout(total, 10s) > retry(3) > breaker(stripe) > timeout(attempt, 3s)", <-done)
}
