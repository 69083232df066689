package ductileconfig_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig"
)

func TestEveryFaultIsToldWithItsPlace(t *testing.T) {
	all := slices.Concat(badValues, badFiles)
	require.GreaterOrEqual(t, len(all), 60)
	for _, bad := range all {
		t.Run(bad.name, func(t *testing.T) {
			assert.Equal(t, bad.want, refused(t, ductileconfig.Bytes("ductile.yaml", []byte(bad.text))))
		})
	}
}

func TestAnErrorReadsAsTheContractSays(t *testing.T) {
	_, err := ductileconfig.Load(ductileconfig.Bytes("ductile.yaml", []byte(`# ductile
circuits:
  stripe: &base
    failure_threshold: 5
    recovery_timeout: 30s
  openai:
    <<: *base
    failure_rate: 7
    recovery_timout: 60s
`)))
	assert.EqualError(t, err, `ductile.yaml:8:19: circuits.openai.failure_rate is 7, want 0 to 1 (or 0% to 100%)
    8 |     failure_rate: 7
      |                   ^
ductile.yaml:9:5: circuits.openai.recovery_timout: unknown field, did you mean recovery_timeout?
    9 |     recovery_timout: 60s
      |     ^`)
	faults := faultsOf(t, err)
	require.Len(t, faults, 2)
	assert.Equal(t, &ductileconfig.Error{
		File: "ductile.yaml", Line: 8, Column: 19, Path: "circuits.openai.failure_rate",
		Value: "7", Want: "0 to 1 (or 0% to 100%)",
		Excerpt: "    8 |     failure_rate: 7\n      |                   ^",
	}, faults[0])
	assert.Equal(t, "unknown field", faults[1].Problem)
	assert.Equal(t, "did you mean recovery_timeout?", faults[1].Hint)
	assert.Equal(t, "circuits.openai.recovery_timout: unknown field, did you mean recovery_timeout?", faults[1].Message())
}

func TestACaretStandsUnderTheFault(t *testing.T) {
	for text, want := range map[string]string{
		"circuits:\r\n  a: {windw: 1s}\r\n":                        "    2 |   a: {windw: 1s}\n      |       ^",
		"{\n\t\"circuits\": {\"a\": {\t\"windw\": \"10s\"}}}\n":    "    2 | \t\"circuits\": {\"a\": {\t\"windw\": \"10s\"}}}\n      | \t                   \t^",
		"circuits: {zürich: {windw: 1s}}\n":                        "    1 | circuits: {zürich: {windw: 1s}}\n      |                     ^",
		strings.Repeat("\n", 9) + "circits: 1":                     "    10 | circits: 1\n       | ^",
		"circuits: {a: {windw: 1s, x: " + long(200) + "}}":         "    1 | circuits: {a: {windw: 1s, x: " + long(131) + "…\n      |                ^",
		"circuits: {" + long(200) + ": {windw: 1s}}":               "",
		"circuits:\u0085  a: {}\u2028  b: {}\u2029  c: {windw: 1}": "    4 |   c: {windw: 1}\n      |       ^",
		"circuits:\r  a: {windw: 1}":                               "    2 |   a: {windw: 1}\n      |       ^",
	} {
		_, err := ductileconfig.Load(ductileconfig.Bytes("x", []byte(text)))
		assert.Equal(t, want, faultsOf(t, err)[0].Excerpt, "%q", text)
	}
}

func long(n int) string { return strings.Repeat("y", n) }

func TestALongValueIsCutInAMessage(t *testing.T) {
	got := refused(t, sources("circuits: {a: {window: "+long(500)+"}}")...)
	assert.Equal(t, []string{"1.yaml:1:24: circuits.a.window is " + long(60) + "…, want a duration such as 30s or 1m30s"}, got)
}

func TestAnExcerptShowsNoControlCharacters(t *testing.T) {
	_, err := ductileconfig.Load(ductileconfig.Bytes("x", []byte("circuits: \x1b[31m\n")))
	assert.Equal(t, "    1 | circuits: \ufffd[31m\n      |           ^", faultsOf(t, err)[0].Excerpt)
}

func TestAFaultOfAnAliasIsToldOnce(t *testing.T) {
	got := refused(t, sources("defaults: {circuit: &u {windw: 1s}}\ncircuits: {a: *u, b: {<<: *u}, c: {extends: u}}\n")...)
	assert.Equal(t, []string{"1.yaml:1:25: defaults.circuit.windw: unknown field, did you mean window?"}, got)
}

func TestAFaultOfAValueDoesNotBringFaultsThatFollowFromIt(t *testing.T) {
	got := refused(t, sources("bulkheads: {a: {limit: x, max_wait: 1s}, b: {max_queue: 1}}\n")...)
	assert.Equal(t, []string{
		"1.yaml:1:24: bulkheads.a.limit is x, want a whole number, 0 or more",
		"1.yaml:1:42: bulkheads.b.limit is not set, want 1 to 2147483647",
	}, got)
}

func TestAnUnknownFieldDoesNotHideAReferenceThatDangles(t *testing.T) {
	got := refused(t, sources("circuits: {stripe: {}}\npipelines: {charge: {circuit: strip, atempt_timeout: 3s}}\nfamilies: {hosts: {pipelin: charge}}\n")...)
	assert.Equal(t, []string{
		"1.yaml:2:31: pipelines.charge.circuit is strip, want a circuit that is declared, did you mean stripe?",
		"1.yaml:2:38: pipelines.charge.atempt_timeout: unknown field, did you mean attempt_timeout?",
		"1.yaml:3:20: families.hosts.pipelin: unknown field, did you mean pipeline?",
	}, got)
}

func TestAnUnknownSectionHidesOnlyReferences(t *testing.T) {
	got := refused(t, sources("circits: {stripe: {}}\ncircuits: {mail: {failure_rate: 50%}}\npipelines: {charge: {circuit: stripe}}\n")...)
	assert.Equal(t, []string{
		"1.yaml:1:1: circits: unknown field, did you mean circuits?",
		"1.yaml:2:33: circuits.mail.failure_rate is 50% but needs window or window_calls",
	}, got)
}

func TestADeclarationWithAFaultIsStillDeclared(t *testing.T) {
	got := refused(t, sources("circuits: {stripe: 5}\npipelines: {charge: {circuit: stripe, total_timeout: 3}}\n")...)
	assert.Equal(t, []string{
		"1.yaml:1:20: circuits.stripe is 5, want a mapping with keys such as failure_threshold and failure_rate",
		"1.yaml:2:54: pipelines.charge.total_timeout is 3, want a duration such as 30s or 1m30s; a number alone has no unit: did you mean 3s?",
	}, got)
}
