package scenario_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig"
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

func TestThePageOfTheSimulatorHasAScenarioThatLoads(t *testing.T) {
	text, err := os.ReadFile("../../docs/simulator.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "## Scenario files\n")
	require.True(t, found)
	_, rest, _ = strings.Cut(rest, "```yaml\n")
	file, _, _ := strings.Cut(rest, "```")
	config := "pipelines: {charge: {retry: {budget: b}, circuit: stripe}, store: {}}\nbudgets: {b: {}}\ncircuits: {stripe: {}}\n"
	s, err := scenario.Load(ductileconfig.Bytes("outage.yaml", []byte(file)), ductileconfig.Bytes("ductile.yaml", []byte(config)))
	require.NoError(t, err)
	assert.Len(t, s.Variants, 3)
	workflow, err := os.ReadFile("../../docs/rehearse-workflow.yml")
	require.NoError(t, err)
	_, rest, found = strings.Cut(string(text), "## In a pull request\n")
	require.True(t, found)
	_, rest, _ = strings.Cut(rest, "```yaml\n")
	step, _, _ := strings.Cut(rest, "```")
	for line := range strings.Lines(step) {
		assert.Contains(t, string(workflow), strings.TrimSpace(line))
	}
}
