package ductileconfig_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig"
)

func file(text string) ductileconfig.Source { return ductileconfig.Bytes("f.yaml", []byte(text)) }

// An excerpt that looked at all of its line would take as long as the line is, for each of
// its faults.
func TestALineOfManyFaultsIsReportedInTime(t *testing.T) {
	const n = 5_000
	var b strings.Builder
	b.WriteString(`{"circuits": {"a": {`)
	for i := range n {
		fmt.Fprintf(&b, `"%d": 1, `, i)
	}
	b.WriteString(`"window": "1s"}}}`)
	_, err := ductileconfig.Load(file(b.String()))
	all := faultsOf(t, err)
	require.Len(t, all, n)
	assert.Equal(t, `    1 | `+b.String()[:160]+"…\n      | "+strings.Repeat(" ", 20)+"^", all[0].Excerpt)
	assert.Empty(t, all[n-1].Excerpt)
}

// The search for what was meant compares each character with each.
func TestALongUnknownNameIsReportedInTime(t *testing.T) {
	long := strings.Repeat("window_", 30_000)
	assert.Len(t, refused(t, file("circuits: {a: {? "+long+" : 1}}")), 1)
	assert.Len(t, refused(t, file("pipelines: {p: {circuit: "+long+"}}\ncircuits: {a: {}}")), 1)
}

// Each fault of values that do not fit was compared with each of values that do not decode.
func TestManyFaultsOfBothKindsAreReportedInTime(t *testing.T) {
	const n = 2_000
	var b strings.Builder
	b.WriteString("circuits:\n")
	for i := range n {
		fmt.Fprintf(&b, "  a%[1]d: {failure_rate: 0.5}\n  b%[1]d: {failure_rate: 7}\n", i)
	}
	assert.Len(t, refused(t, file(b.String())), 2*n)
}

func TestANameWithBracketsHasItsFaultsAtTheirPlaces(t *testing.T) {
	assert.Equal(t, []string{
		"f.yaml:1:36: circuits.eu[0].failure_rate is 0.5 but needs window or window_calls",
	}, refused(t, file("circuits: {\"eu[0]\": {failure_rate: 0.5}}")))
}

func TestAMapWhoseKeysAreTheSameTextIsRefused(t *testing.T) {
	for range 20 { // the order of a map is chance
		assert.Equal(t, []string{"map: circuits.1: two keys of the map are the same text"}, refused(t, ductileconfig.Map(map[string]any{
			"circuits": map[any]any{1: map[string]any{"window": "1s"}, "1": map[string]any{"window": "2s"}},
		})))
	}
}

func TestAPartOfAFieldsNameIsAnsweredWithTheWholeName(t *testing.T) {
	for key, want := range map[string]string{
		"timeout": "did you mean total_timeout or attempt_timeout?",
		"limit":   "did you mean rate_limit or adaptive_limit?",
		"Timeout": "did you mean total_timeout or attempt_timeout?",
	} {
		assert.Equal(t, []string{"f.yaml:1:17: pipelines.p." + key + ": unknown field, " + want}, refused(t, file("pipelines: {p: {"+key+": 3s}}")))
	}
	assert.Equal(t, []string{"f.yaml:1:25: pipelines.p.retry.delay: unknown field, did you mean base_delay or max_delay?"},
		refused(t, file("pipelines: {p: {retry: {delay: 3s}}}")))
}

func TestAHedgeWithNoBudgetIsToldWhatToWriteInstead(t *testing.T) {
	for _, word := range []string{"none", "unlimited", "off"} {
		assert.Equal(t, []string{
			"f.yaml:1:33: pipelines.p.hedge.budget is " + word + ", want a budget that is declared; in a file a hedge always has a budget: for as good as none, declare one with ratio: 1000",
		}, refused(t, file("pipelines: {p: {hedge: {budget: "+word+"}}}")))
	}
}

func TestAMessageShowsOfAKeyWhatCanBePrinted(t *testing.T) {
	assert.Equal(t, []string{"1.yaml:1:1: \uFFFD[2Ja\uFFFDb: unknown field"}, refused(t, sources(`"\e[2Ja\nb": 1`)...))
	assert.Equal(t, []string{"1.yaml:1:1: " + strings.Repeat("k", 300) + "…: unknown field"}, refused(t, sources(strings.Repeat("k", 1000)+": 1")...))
}
