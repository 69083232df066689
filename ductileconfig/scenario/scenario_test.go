package scenario_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/ductileconfig/scenario"
	"github.com/ductile-go/ductile/internal/leak"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/sim"
)

func TestMain(m *testing.M) { leak.Main(m) }

const config = `
defaults: {circuit: &usual {window: 10s, failure_rate: 50%, min_calls: 20}}
circuits:
  stripe: {extends: usual, recovery_timeout: 30s, max_recovery_timeout: 5m, classify: mine}
budgets:   {outbound: {ratio: 10%}}
pipelines:
  charge: {total_timeout: 10s, retry: {max_attempts: 3, budget: outbound, retry_if: mine, backoff: mine}, circuit: stripe, attempt_timeout: 3s}
  lookup: {attempt_timeout: 1s}
families:
  hosts:  {pipeline: lookup, circuit: {extends: usual, classify: mine}, max: 1024, idle: 15m}
`

const outage = `
duration: 90s
services: {api: {workers: 10, queue: 10000, service_time: {dist: exponential, mean: 10ms}, abandon_queue: false}}
clients:  {web: {replicas: 20, rate: 700/s, calls: api, pipeline: charge}}
faults:   [{at: 20s, for: 5s, service: api, slow: 10x}]
variants: {plain: {retry: {budget: null}, circuit: null}, as_configured: {}}
expect:   [{recovers_within: 5s}, {amplification: "<= 1.2"}, {p99: "<= 400ms", when: before}]
`

func sources(text string) (ductileconfig.Source, ductileconfig.Source) {
	return ductileconfig.Bytes("outage.yaml", []byte(text)), ductileconfig.Bytes("ductile.yaml", []byte(config))
}

func load(t *testing.T, text string) sim.Scenario {
	t.Helper()
	file, cfg := sources(text)
	s, err := scenario.Load(file, cfg)
	require.NoError(t, err)
	require.NoError(t, s.Validate())
	return s
}

func refused(t *testing.T, text string) []string {
	t.Helper()
	file, cfg := sources(text)
	_, err := scenario.Load(file, cfg)
	require.Error(t, err)
	var list interface{ Unwrap() []error }
	require.ErrorAs(t, err, &list)
	var out []string
	for _, one := range list.Unwrap() {
		_, ok := errors.AsType[*ductileconfig.Error](one)
		require.True(t, ok, "%T", one)
		line, _, _ := strings.Cut(one.Error(), "\n")
		out = append(out, line)
	}
	return out
}

func TestReadsTheScenarioOfTheDocumentation(t *testing.T) {
	s := load(t, outage)
	assert.Equal(t, 90*time.Second, s.Duration)
	require.Len(t, s.Services, 1)
	api := s.Services[0]
	assert.Equal(t, "exponential(mean 10ms)", api.ServiceTime.String())
	assert.Equal(t, "api 10 10000", strings.Join([]string{api.Name, "10", "10000"}, " "))
	assert.Equal(t, 10, api.Workers)
	assert.Equal(t, 10000, api.Queue)
	assert.Equal(t, []sim.Client{{Name: "web", Replicas: 20, Rate: 700, Calls: "api"}}, s.Clients)
	assert.Equal(t, []sim.Fault{{At: 20 * time.Second, For: 5 * time.Second, Service: "api", Slow: 10}}, s.Faults)
	assert.Equal(t, []sim.Expect{{RecoversWithin: 5 * time.Second}, {Amplification: "<= 1.2"}, {P99: "<= 400ms", When: "before"}}, s.Expect)
	require.Len(t, s.Variants, 2)
	assert.Equal(t, "plain", s.Variants[0].Name, "in the order of the file")
	assert.Equal(t, "as_configured", s.Variants[1].Name)
}

// short is the outage in a tenth of its size.
const short = `
seed: 7
duration: 12s
services: {api: {workers: 1, queue: 1000, service_time: {dist: exponential, mean: 10ms}}}
clients:  {web: {replicas: 2, rate: 70/s, calls: api, pipeline: charge}, crawler: {rate: 5/s, calls: api, family: hosts, keys: 3}, bare: {rate: 60/m, calls: api}}
faults:   [{at: 4s, for: 2s, service: api, down: true}]
variants:
  plain: {retry: {budget: null}, circuit: null}
  as_configured: {}
  patient: {retry: {max_attempts: 5}, circuits: {stripe: {recovery_timeout: 1s, max_recovery_timeout: null}}}
`

func TestVariantsAreTheConfigurationWithChanges(t *testing.T) {
	s := load(t, short)
	report, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	text := func(variant, client string) string { return report.Result(variant).Pipelines[client] }
	assert.Equal(t, "charge(timeout(total, 10s) > retry(3) > timeout(attempt, 3s))", text("plain", "web"))
	assert.Equal(t, "charge(timeout(total, 10s) > retry(3) > breaker(stripe) > timeout(attempt, 3s))", text("as_configured", "web"))
	assert.Equal(t, "charge(timeout(total, 10s) > retry(5) > breaker(stripe) > timeout(attempt, 3s))", text("patient", "web"))
	assert.NotContains(t, text("plain", "crawler"), "retry", "the removal of a budget makes no retry")
	assert.NotContains(t, text("as_configured", "bare"), "retry", "no pipeline")
	assert.NotEmpty(t, report.Result("as_configured").Circuits, "the report shows the circuits")
	for _, line := range report.Result("plain").Circuits {
		assert.Equal(t, "crawler hosts", line.Client+" "+line.Name, "the family keeps its own")
	}
	assert.Len(t, report.Result("plain").Circuits, 3, "one a key")
	assert.Greater(t, report.Result("plain").Between(4*time.Second, 6*time.Second).Amplification(), 1.5)
}

func TestAFileWithoutVariantsHasTheConfigurationAsItIs(t *testing.T) {
	s := load(t, "duration: 1s\nservices: {api: {}}\nclients: {web: {burst: 1, calls: api, pipeline: charge}}\n")
	require.Len(t, s.Variants, 1)
	assert.Equal(t, "as_configured", s.Variants[0].Name)
	report, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	assert.Contains(t, report.Result("as_configured").Pipelines["web"], "retry(3)")
}

func TestAScenarioMayHoldItsConfiguration(t *testing.T) {
	s, err := scenario.Load(ductileconfig.Bytes("outage.yaml", []byte(`
duration: 1s
defaults: {circuit: &usual {window: 10s, failure_rate: 0.5}}
circuits: {a: {extends: usual}}
throttles: {t: {classify: mine}}
adaptive_limits: {l: {classify: mine}}
pipelines:
  p:
    fallback: mine
    cache: {key: mine, ttl: 1s, negative: mine, negative_ttl: 1s, store: mine}
    coalesce: {key: mine}
    retry: {retry_if: mine, backoff: mine}
    hedge: {hedge_if: mine, on_failure: true}
    throttle: t
    adaptive_limit: l
    pipeline: inner
  inner: {circuit: a}
families: {f: {pipeline: inner, circuit: {classify: mine}, throttle: {classify: mine}, adaptive_limit: {classify: mine}}}
services: {api: {service_time: 5ms, calls: [db], pipeline: inner}, db: {}}
clients: {web: {burst: 5, calls: api, pipeline: p, keys: 3}, jobs: {burst: 2, calls: api, family: f, keys: 3}}
`)))
	require.NoError(t, err)
	report, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	assert.Contains(t, report.Result("as_configured").Pipelines["web"], "fallback(mine) > cache(1s) > coalesce > retry(3)")
	assert.Equal(t, int64(7), report.Result("as_configured").Between(0, time.Second).Succeeded)
}

func TestReadsEveryFieldOfAScenario(t *testing.T) {
	s := load(t, `
seed: 3
duration: 10s
warmup: 1s
services:
  a: {replicas: 2, balance: random, workers: 3, queue: 4, service_time: {dist: constant, time: 5ms}, drag: 0.01, retry_after: 2s, abandon_queue: true, calls: [b], hit_ratio: 20%, hit_time: 1ms, entries: 5}
  b: {service_time: {dist: lognormal, median: 5ms, p99: 50ms}}
  c: {service_time: {dist: table, quantiles: [{share: 0, time: 1ms}, {share: 100%, time: 9ms}]}}
clients:
  z: {replicas: 2, rate: 60/m, closed: 3, think: 1s, burst: 4, calls: a, priority: high, classes: [{name: batch, share: 20%, priority: low}], keys: 5}
  y: {rate: 3_600/h, calls: b}
  x: {rate: 5, calls: c}
faults:
  - {at: 1s, for: 2s, service: a, replica: 1, down: true, slow: 3, errors: 30%, hang: true, capacity: 0.5, partition: true, cold: true}
expect: [{variant: as_configured, when: after, recovers_within: 5s, success: ">= 99%", amplification: "<= 2", p50: "<= 1s", p99: "<= 2s"}]
`)
	assert.Equal(t, uint64(3), s.Seed)
	assert.Equal(t, time.Second, s.Warmup)
	a := s.Services[0]
	assert.Equal(t, "constant(5ms)", a.ServiceTime.String())
	assert.Equal(t, "constant(1ms)", a.HitTime.String())
	a.ServiceTime, a.HitTime = sim.Dist{}, sim.Dist{}
	assert.Equal(t, sim.Service{Name: "a", Replicas: 2, Balance: "random", Workers: 3, Queue: 4, Drag: 0.01, RetryAfter: 2 * time.Second, AbandonQueue: true, Calls: []string{"b"}, HitRatio: 0.2, Entries: 5}, a)
	assert.Equal(t, "lognormal(median 5ms, p99 50ms)", s.Services[1].ServiceTime.String())
	assert.Equal(t, "table(2 quantiles)", s.Services[2].ServiceTime.String())
	z := s.Clients[0]
	assert.Equal(t, "constant(1s)", z.Think.String())
	z.Think = sim.Dist{}
	assert.Equal(t, sim.Client{
		Name: "z", Replicas: 2, Rate: 1, Closed: 3, Burst: 4, Calls: "a", Priority: policy.High, Keys: 5,
		Classes: []sim.Class{{Name: "batch", Share: 0.2, Priority: policy.Low}},
	}, z)
	assert.InDelta(t, 1, s.Clients[1].Rate, 1e-12)
	assert.InDelta(t, 5, s.Clients[2].Rate, 0)
	assert.Equal(t, sim.Fault{At: time.Second, For: 2 * time.Second, Service: "a", Replica: 1, Down: true, Slow: 3, Errors: 0.3, Hang: true, Capacity: 0.5, Partition: true, Cold: true}, s.Faults[0])
	assert.Equal(t, sim.Expect{Variant: "as_configured", When: "after", RecoversWithin: 5 * time.Second, Success: ">= 99%", Amplification: "<= 2", P50: "<= 1s", P99: "<= 2s"}, s.Expect[0])
}

func TestEveryFaultOfAScenarioIsToldWithItsPlace(t *testing.T) {
	const web = "\nclients: {web: {burst: 1, calls: api, pipeline: charge}}\nservices: {api: {}}\n"
	for text, want := range map[string]string{
		"":                    "the scenario: duration is not set, want more than 0, and at most 24h0m0s",
		"duraton: 1s" + web:   "outage.yaml:1:1: duraton: unknown field, did you mean duration?",
		"duration: 5" + web:   "outage.yaml:1:11: duration is 5, want a duration such as 30s or 1m30s; a number alone has no unit: did you mean 5s?",
		"duration: 48h" + web: "outage.yaml:1:11: duration is 48h, want more than 0, and at most 24h0m0s",
		"duration: 1s\nservices: {api: {}}\nclients: {web: {calls: api}}\n":                                                                    "outage.yaml:3:11: clients.web.rate is not set, want more than 0, unless closed or burst is: the client makes no calls",
		"duration: 1s\nservices: {api: {}}\nclients: {web: {rate: 5/d, calls: api}}\n":                                                         "outage.yaml:3:23: clients.web.rate is 5/d, want calls per second such as 700/s, 42000/m or 700",
		"duration: 1s\nservices: {api: {}}\nclients: {web: {rate: -5, calls: api}}\n":                                                          "outage.yaml:3:23: clients.web.rate is -5, want calls per second such as 700/s, 42000/m or 700",
		"duration: 1s\nservices: {api: {}}\nclients: {web: {rate: 0700/s, calls: api}}\n":                                                      "outage.yaml:3:23: clients.web.rate is 0700/s, want calls per second such as 700/s, 42000/m or 700",
		"duration: 1s\nservices: {api: {}}\nclients: {web: {rate: 5, calls: ap}}\n":                                                            `outage.yaml:3:33: clients.web.calls is ap, want the name of a service; did you mean api?`,
		"duration: 1s\nservices: {api: {}}\nclients: {web: {rate: 5, calls: api, pipeline: chrage}}\n":                                         "outage.yaml:3:48: clients.web.pipeline is chrage, want a pipeline of the configuration, did you mean charge?",
		"duration: 1s\nservices: {api: {}}\nclients: {web: {rate: 5, calls: api, family: host}}\n":                                             "outage.yaml:3:46: clients.web.family is host, want a family of the configuration, did you mean hosts?",
		"duration: 1s\nservices: {api: {}}\nclients: {web: {rate: 5, calls: api, family: hosts, pipeline: charge}}\n":                          "outage.yaml:3:46: clients.web.family is hosts, want it left out beside pipeline",
		"duration: 1s\nservices: {api: {}}\nclients: {web: {rate: 5, calls: api, priority: hihg}}\n":                                           "outage.yaml:3:48: clients.web.priority is hihg, want sheddable, low, normal, high or critical, did you mean high?",
		"duration: 1s\nservices: {api: {balance: rnadom}}\nclients: {web: {rate: 5, calls: api}}\n":                                            "outage.yaml:2:27: services.api.balance is rnadom, want round_robin, random or least_requests, did you mean random?",
		"duration: 1s\nservices: {api: {service_time: fast}}\nclients: {web: {rate: 5, calls: api}}\n":                                         "outage.yaml:2:32: services.api.service_time is fast, want a time such as 10ms, or a mapping such as {dist: exponential, mean: 10ms}",
		"duration: 1s\nservices: {api: {service_time: 0}}\nclients: {web: {rate: 5, calls: api}}\n":                                            "outage.yaml:2:32: services.api.service_time is 0, want a time such as 10ms, or a mapping such as {dist: exponential, mean: 10ms}",
		"duration: 1s\nservices: {api: {service_time: [1ms]}}\nclients: {web: {rate: 5, calls: api}}\n":                                        "outage.yaml:2:32: services.api.service_time is a list, want a word or a mapping",
		"duration: 1s\nservices: {api: {service_time: {dist: exponential, time: 1ms}}}\nclients: {web: {rate: 5, calls: api}}\n":               "outage.yaml:2:32: services.api.service_time: dist: exponential has a mean, and nothing else",
		"duration: 1s\nservices: {api: {service_time: {mean: 1ms}}}\nclients: {web: {rate: 5, calls: api}}\n":                                  "outage.yaml:2:32: services.api.service_time: want dist: constant, exponential, lognormal or table",
		"duration: 1s\nfaults: [{at: 1s}]" + web:                                                                                               "outage.yaml:2:10: faults[0]: want one or more of down, slow, errors, hang, capacity, partition and cold; a capacity of 0 means not set: for no capacity use down",
		"duration: 1s\nfaults: [{at: 1s, for: 1s, service: api, slow: 10y}]" + web:                                                             "outage.yaml:2:48: faults[0].slow is 10y, want a factor such as 10x or 10",
		"duration: 1s\nfaults: {at: 1s}" + web:                                                                                                 "outage.yaml:2:9: faults is a mapping, want a list",
		"duration: 1s\nexpect: [{when: later, success: '>= 9%'}]" + web:                                                                        "outage.yaml:2:17: expect[0].when is later, want before, during or after",
		"duration: 1s\nexpect: [{success: 99%}]" + web:                                                                                         "outage.yaml:2:20: expect[0].success is 99%, want ",
		"duration: 1s\nvariants: {a: {retrry: {}}}" + web:                                                                                      "outage.yaml:2:16: variants.a.retrry: unknown field, did you mean retry?",
		"duration: 1s\nvariants: {a: {retry: {max_attempts: 0}}}" + web:                                                                        "outage.yaml:2:38: variants.a.retry.max_attempts is 0, want a whole number, 1 or more, or unlimited; leave it out for the default, 3",
		"duration: 1s\nvariants: {a: {circuit: strpe}, b: {circuit: strpe}}" + web:                                                             "outage.yaml:2:25: pipelines.charge.circuit is strpe, want a circuit that is declared, did you mean stripe?",
		"duration: 1s\nvariants: {plain: {}, bare: {pipelines: {charge: null}}}" + web:                                                         "outage.yaml:3:49: clients.web.pipeline: variant bare removes charge; remove its policies instead, as in {retry: null, circuit: null}",
		"duration: 1s\nservices: {api: {}}\nvariants: {a: {families: {hosts: null}}}\nclients: {web: {burst: 1, calls: api, family: hosts}}\n": "outage.yaml:4:47: clients.web.family: variant a removes hosts; remove its policies instead, as in {retry: null, circuit: null}",
		"duration: 1s\ncircuits: {stripe: {window: none}}" + web:                                                                               "ductile.yaml:2:56: circuits.stripe.failure_rate is 50% but needs window or window_calls",
		"duration: 1s\ndefaults: {client: {rat: 5}}" + web:                                                                                     "outage.yaml:2:21: defaults.client.rat: unknown field, did you mean rate?",
		"- a": "outage.yaml:1:1: the document is a list, want a mapping with sections such as circuits and pipelines",
	} {
		got := refused(t, text)
		require.NotEmpty(t, got, text)
		assert.True(t, strings.HasPrefix(got[0], want), "%s\n got %q\nwant %q", text, got[0], want)
	}
}

func TestTheSchemaOfScenariosHasEverySection(t *testing.T) {
	text := string(scenario.Schema())
	for _, key := range []string{"duration", "services", "clients", "faults", "variants", "expect", "circuits", "service_time", "recovers_within"} {
		assert.Contains(t, text, `"`+key+`": {`)
	}
}
