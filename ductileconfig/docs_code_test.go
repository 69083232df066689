package ductileconfig_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/registry"
)

// charge is the code of docs/configuration.md.
func charge(ctx context.Context, funcs registry.Funcs, done chan<- string) error {
	sources := []ductileconfig.Source{ductileconfig.File("ductile.yaml"), ductileconfig.Env("DUCTILE")}
	spec, err := ductileconfig.Load(sources...)
	if err != nil {
		return err // all faults, each with its file, line and column
	}
	r, err := registry.New(spec, registry.WithFuncs(funcs)) // the functions that the file names
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

func TestTheFunctionsOfTheDocsAreCalled(t *testing.T) {
	errBusy := errors.New("busy")
	funcs := registry.Funcs{
		RetryIf: map[string]func(error) bool{
			"busy": func(err error) bool { return errors.Is(err, errBusy) },
		},
		Fallback: map[string]any{
			"later": func(context.Context, error) (Receipt, error) { return Receipt{State: "queued"}, nil },
		},
	}
	text := "pipelines: {charge: {fallback: later, retry: {retry_if: busy, base_delay: none}}}"
	spec, err := ductileconfig.Load(ductileconfig.Bytes("ductile.yaml", []byte(text)))
	require.NoError(t, err)
	r, err := registry.New(spec, registry.WithFuncs(funcs))
	require.NoError(t, err)
	charge, err := registry.Pipeline[Receipt](r, "charge")
	require.NoError(t, err)
	for failure, calls := range map[error]int{errBusy: 3, errors.New("declined"): 1} {
		call := fake.NewFunc[Receipt]().Fail(failure)
		receipt, err := charge.Do(t.Context(), call.Do)
		require.NoError(t, err)
		assert.Equal(t, "queued", receipt.State)
		assert.Equal(t, calls, call.Calls(), failure)
	}
	_, err = registry.Pipeline[string](r, "charge")
	require.Error(t, err, "the fallback is not for strings")
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
