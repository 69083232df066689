package scenario_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig/scenario"
	"github.com/ductile-go/ductile/sim"
)

func read(t *testing.T, text string) *scenario.File {
	t.Helper()
	source, cfg := sources(text)
	f, err := scenario.Read(source, cfg)
	require.NoError(t, err)
	return f
}

// policies runs a scenario for a moment, and returns the policies of a client.
func policies(t *testing.T, s sim.Scenario, variant, client string) string {
	t.Helper()
	report, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	return report.Result(variant).Pipelines[client]
}

const brief = `
duration: 1s
services: {api: {workers: 1, queue: 10, service_time: 10ms}}
clients:
  web: {rate: 5/s, calls: api, pipeline: charge}
  app: {rate: 5/s, calls: api, pipeline: lookup}
faults: [{at: 100ms, for: 100ms, service: api, slow: 2}]
expect:
  - {success: ">= 1%"}
  - amplification: "<= 9"
    p99: "<= 5s"
variants:
  plain: {retry: null, circuit: null}
  as_configured: {}
`

func TestAValueOfAPipelineIsChangedWhereItsFieldIsSet(t *testing.T) {
	s, err := read(t, brief).With("retry.max_attempts", "5")
	require.NoError(t, err)
	assert.Contains(t, policies(t, s, "as_configured", "web"), "retry(5)")
	assert.NotContains(t, policies(t, s, "plain", "web"), "retry", "a variant without retries stays so")
	assert.NotContains(t, policies(t, s, "as_configured", "app"), "retry", "a pipeline without retries stays so")
}

func TestAValueThatNoPipelineSetsIsChangedInAll(t *testing.T) {
	s, err := read(t, brief).With("bulkhead", "null")
	require.NoError(t, err)
	assert.NotEmpty(t, s.Variants)
	s, err = read(t, brief).With("hedge", "{delay: 50ms}")
	require.NoError(t, err)
	assert.Contains(t, policies(t, s, "plain", "app"), "hedge")
	assert.Contains(t, policies(t, s, "as_configured", "web"), "hedge")
}

func TestValuesOfTheConfigurationAndOfTheScenarioAreChanged(t *testing.T) {
	f := read(t, brief)
	s, err := f.With("pipelines.charge.retry.max_attempts", "7")
	require.NoError(t, err)
	assert.Contains(t, policies(t, s, "as_configured", "web"), "retry(7)")
	_, err = f.With("circuits.stripe.failure_rate", "20%")
	require.NoError(t, err)
	s, err = f.With("services.api.workers", "4")
	require.NoError(t, err)
	assert.Equal(t, 4, s.Services[0].Workers)
	s, err = f.With("clients.app.burst", "3")
	require.NoError(t, err)
	assert.Equal(t, 3, s.Clients[1].Burst)
	s, err = f.With("faults[0].slow", "30x")
	require.NoError(t, err)
	assert.InDelta(t, 30, s.Faults[0].Slow, 0)
	s, err = f.With("seed", "12")
	require.NoError(t, err)
	assert.Equal(t, uint64(12), s.Seed)
	assert.Zero(t, f.Scenario().Seed, "the file is not changed")
}

func TestAWrongChangeSaysWhatIsWrong(t *testing.T) {
	f := read(t, brief)
	for _, c := range [][3]string{
		{"retry.max_atempts", "5", "retry.max_atempts=5: pipelines.charge.retry.max_atempts: unknown field, did you mean max_attempts?"},
		{"retry.max_attempts", "0", "retry.max_attempts=0: pipelines.charge.retry.max_attempts is 0, want a whole number, 1 or more, or unlimited; leave it out for the default, 3"},
		{"retyr.max_attempts", "5", "retyr.max_attempts=5: retyr: unknown field, did you mean retry?"},
		{"zzz", "5", "zzz=5: zzz: unknown field; want a path such as retry.max_attempts, circuits.NAME.failure_rate or services.NAME.workers"},
		{"circuits.strpe.failure_rate", "5%", "circuits.strpe.failure_rate=5%: circuits.strpe: the configuration does not declare it, did you mean stripe?"},
		{"circuits", "5%", "circuits=5%: circuits: the path has no name; want a path such as circuits.NAME.FIELD"},
		{"circuits.stripe.failure_rte", "5%", "circuits.stripe.failure_rte=5%: circuits.stripe.failure_rte: unknown field, did you mean failure_rate?"},
		{"services.apy.workers", "5", "services.apy.workers=5: services.apy.workers: the scenario has no apy, did you mean api?"},
		{"services.api.worker", "5", "services.api.worker=5: services.api.worker: unknown field, did you mean workers?"},
		{"faults[7].slow", "5", "faults[7].slow=5: faults[7].slow: the scenario has no [7]"},
		{"services.api.workers", "-5", "services.api.workers=-5: services.api.workers is -5, want "},
		{"pipelines.charge", "null", " removes charge; remove its policies instead"},
		{"seed", "{a", "seed={a: seed is {a, want "},
		{"", "", "=: unknown field; want a path"},
	} {
		_, err := f.With(c[0], c[1])
		require.Error(t, err, c)
		assert.Contains(t, err.Error(), c[2])
	}
	_, err := read(t, "duration: 1s\nservices: {api: {}}\nclients: {web: {burst: 1, calls: api}}\n").With("retry.max_attempts", "2")
	assert.ErrorContains(t, err, "no client and no service names a pipeline; add pipeline: NAME to a client")
}

func TestPlacesOfValuesAreKnown(t *testing.T) {
	f := read(t, brief)
	for path, want := range map[string][2]int{"expect[0]": {9, 5}, "expect[1].p99": {11, 10}, "expect[1].p50": {10, 5}, "duration": {2, 11}} {
		file, line, column := f.Place(path)
		assert.Equal(t, "outage.yaml", file)
		assert.Equal(t, want, [2]int{line, column}, path)
	}
	assert.Equal(t, "charge", f.Door("web"))
	assert.Empty(t, f.Door("api"))
	assert.Equal(t, []string{"stripe"}, f.Circuits("web"))
	assert.Empty(t, f.Circuits("app"))
}

func TestKnobsAreTheNumbersThatTheConfigurationSets(t *testing.T) {
	f := read(t, brief)
	assert.Equal(t, []scenario.Knob{
		{"budgets.outbound.ratio", "0.1", "0.05", "0.2"},
		{"circuits.stripe.failure_rate", "0.5", "0.25", "1"},
		{"circuits.stripe.max_recovery_timeout", "5m0s", "2m30s", "10m0s"},
		{"circuits.stripe.min_calls", "20", "10", "40"},
		{"circuits.stripe.recovery_timeout", "30s", "15s", "1m0s"},
		{"circuits.stripe.window", "10s", "5s", "20s"},
		{"pipelines.charge.attempt_timeout", "3s", "1.5s", "6s"},
		{"pipelines.charge.retry.max_attempts", "3", "1", "6"},
		{"pipelines.charge.total_timeout", "10s", "5s", "20s"},
		{"pipelines.lookup.attempt_timeout", "1s", "500ms", "2s"},
	}, f.Knobs("as_configured"))
	for _, k := range f.Knobs("plain") {
		assert.NotContains(t, k.Path, "retry")
		assert.NotContains(t, k.Path, "circuits")
	}
	assert.Empty(t, f.Knobs("zebra"))
	for _, k := range f.Knobs("as_configured") {
		_, err := f.With(k.Path, k.Low)
		require.NoError(t, err, k)
		_, err = f.With(k.Path, k.High)
		require.NoError(t, err, k)
	}
}
