package scenario_test

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig/scenario"
)

var update = flag.Bool("update", false, "write docs/scenario.schema.json")

func TestDocsHaveTheSchema(t *testing.T) {
	const path = "../../docs/scenario.schema.json"
	want := string(scenario.Schema())
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644)) //nolint:gosec // a file of the repository
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, want, string(got), "go test -run Docs -update writes it")
}
