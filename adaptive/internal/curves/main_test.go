package main

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/raced"
)

// Other processors round some functions of package math differently, and a simulation is
// chaotic.
func TestTheDrawingsAreThoseOfTheCommand(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the drawings are made on amd64")
	}
	raced.Skip(t, "it simulates in one goroutine")
	t.Parallel()
	committed := filepath.Join("..", "..", "..", "docs", "curves")
	made := t.TempDir()
	require.NoError(t, write(made))
	for _, s := range scenes {
		want, err := os.ReadFile(filepath.Join(made, s.name+".svg")) //nolint:gosec // just written
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(committed, s.name+".svg")) //nolint:gosec // of this repository
		require.NoError(t, err)
		if string(want) != string(got) { // the difference is long
			t.Errorf("docs/curves/%s.svg is not what the command draws: run make curves", s.name)
		}
	}
	files, err := os.ReadDir(committed)
	require.NoError(t, err)
	assert.Len(t, files, len(scenes))
}
