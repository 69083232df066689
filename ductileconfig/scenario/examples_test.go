package scenario_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/ductileconfig/scenario"
	"github.com/ductile-go/ductile/sim"
	"github.com/ductile-go/ductile/sim/scenarios"
)

// file returns the scenario of an example's files.
func file(t *testing.T, e scenarios.Example) sim.Scenario {
	t.Helper()
	outage, err := e.File("outage.yaml")
	require.NoError(t, err)
	config, err := e.File("ductile.yaml")
	require.NoError(t, err)
	s, err := scenario.Load(ductileconfig.Bytes("outage.yaml", []byte(outage)), ductileconfig.Bytes("ductile.yaml", []byte(config)))
	require.NoError(t, err)
	return s
}

func TestTheFilesOfExamplesAreTheirScenarios(t *testing.T) {
	for _, e := range scenarios.All() {
		t.Run(e.Name, func(t *testing.T) {
			want, got := e.Scenario(), file(t, e)
			assert.Len(t, got.Variants, len(want.Variants))
			text := func(s sim.Scenario) string { // functions cannot be compared
				for i := range s.Variants {
					s.Variants[i].Pipeline = nil
				}
				return fmt.Sprintf("%+v", s)
			}
			assert.Equal(t, text(want), text(got))
		})
	}
}

func TestTheFilesOfExamplesHaveTheSameCourse(t *testing.T) {
	for _, e := range scenarios.All() {
		t.Run(e.Name, func(t *testing.T) {
			short := func(s sim.Scenario) *sim.Report {
				s.Duration, s.Warmup = 3*time.Second, 0 // for the time of the test
				s.Faults = []sim.Fault{s.Faults[0]}
				s.Faults[0].At, s.Faults[0].For = time.Second, min(s.Faults[0].For, time.Second)
				report, err := sim.Run(t.Context(), s)
				require.NoError(t, err)
				return report
			}
			want, got := short(e.Scenario()), short(file(t, e))
			for i, x := range want.Results {
				assert.Equal(t, x.Variant, got.Results[i].Variant)
				assert.Equal(t, x.Points, got.Results[i].Points, "the files have the policies of the Go scenario: %v, not %v", x.Pipelines, got.Results[i].Pipelines)
			}
		})
	}
}
