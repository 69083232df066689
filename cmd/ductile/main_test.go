package main_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRunsFromTheCheckoutByItsImportPath(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", "github.com/ductile-go/ductile/cmd/ductile",
		"check", "--strict", "testdata/porting/envoy-outliers.yaml")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, "testdata/porting/envoy-outliers.yaml: no faults\n", string(out))
}
