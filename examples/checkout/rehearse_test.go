package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/ductileconfig/scenario"
	"github.com/ductile-go/ductile/examples/internal/shop"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/sim"
)

func TestTheRehearsalWritesItsReportAndPrintsOneLine(t *testing.T) {
	dir := t.TempDir()
	var out strings.Builder
	require.NoError(t, rehearse(t.Context(), &out, dir))
	path := filepath.Join(dir, "outage.html")
	assert.Regexp(t, `^the same outage with 40 orders a second, simulated: `+path+`: recovers .* after the fault; at worst .*x the load\n$`, out.String())
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(page), "<h1>Outage rehearsal</h1>")
	assert.Contains(t, string(page), "breaker(stripe)")
	assert.Error(t, rehearse(t.Context(), &out, filepath.Join(dir, "nowhere")))
}

func TestTheRehearsalHasThePoliciesOfTheCheckout(t *testing.T) {
	s, err := scenario.Load(ductileconfig.File("outage.yaml"))
	require.NoError(t, err)
	s.Duration = s.Faults[0].At
	s.Faults, s.Expect = nil, nil
	report, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	store := shop.Above(shop.Config{URL: "http://localhost", APIKey: "sk_test_123", Observe: fake.NewRecorder().Observe})
	_, policies, found := strings.Cut(store.Calls.String(), "fallback > ")
	require.True(t, found, store.Calls.String())
	got := strings.ReplaceAll(report.Result("as_configured").Pipelines["shop"], "timeout(attempt, ", "timeout(")
	assert.Equal(t, "checkout("+policies+")", got)
	spec, err := ductileconfig.Load(ductileconfig.Bytes("policies", policiesOf(t)))
	require.NoError(t, err)
	circuit, config := spec.Circuits["stripe"], store.Circuit.Config()
	assert.Equal(t, config.FailureThreshold, circuit.FailureThreshold)
	assert.Equal(t, config.RecoveryTimeout, circuit.RecoveryTimeout)
}

// policiesOf returns the sections of the configuration in outage.yaml.
func policiesOf(t *testing.T) []byte {
	t.Helper()
	_, rest, found := strings.Cut(string(outageFile), "\ncircuits:")
	require.True(t, found)
	policies, _, found := strings.Cut(rest, "\nvariants:")
	require.True(t, found)
	return []byte("circuits:" + policies)
}

func TestTheReportStandsBesideTheScenario(t *testing.T) {
	assert.Equal(t, ".", beside())
	t.Chdir("..")
	assert.Equal(t, "checkout", beside())
	t.Chdir(t.TempDir())
	assert.Equal(t, os.TempDir(), beside())
}
