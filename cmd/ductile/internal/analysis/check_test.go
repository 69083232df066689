package analysis_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cmd/ductile/internal/analysis"
	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/registry"
)

func load(t *testing.T, text string) registry.Spec {
	spec, err := ductileconfig.Load(ductileconfig.Bytes("f.yaml", []byte(text)))
	require.NoError(t, err, text)
	return spec
}

// found returns the findings as "severity code path: text", without notes unless they are
// asked for.
func found(t *testing.T, text string, notes bool) []string {
	var all []string
	for _, f := range analysis.Check(load(t, text)) {
		assert.NotEmpty(t, f.Fix, f.Code)
		if notes || f.Severity != analysis.Note {
			all = append(all, fmt.Sprintf("%s %s %s: %s", f.Severity, f.Code, f.Path, f.Text))
		}
	}
	return all
}

func TestFindsAFaultAndNothingWithoutIt(t *testing.T) {
	for _, c := range slices.Concat(cases, moreCases) {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, []string{c.want}, found(t, c.bad, c.notes))
			if c.good != "" {
				assert.Empty(t, found(t, c.good, c.notes), "in what is sane")
			}
		})
	}
}

func TestEachCodeIsTested(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range slices.Concat(cases, moreCases) {
		tested[strings.Fields(c.want)[1]] = true
	}
	assert.Len(t, tested, 33)
}

func TestAHedgeWithoutABudgetIsNoted(t *testing.T) {
	spec := load(t, "pipelines: {p: {attempt_timeout: 1s, hedge: {delay: 300ms, max_extra: 2}}}")
	spec.Pipelines["p"].Hedge.Budget = hedge.NoBudget
	all := analysis.Check(spec)
	require.Len(t, all, 1)
	assert.Equal(t, "no budget limits the hedge: while calls are slow, the load is 3 times that of the callers", all[0].Text)
}

func TestAChaosWithARateFuncIsFound(t *testing.T) {
	spec := load(t, "pipelines: {p: {attempt_timeout: 1s, chaos: {enabled: true, error: down}}}")
	assert.Empty(t, analysis.Check(spec), "its rate is 0")
	spec.Pipelines["p"].Chaos.RateFunc = func(context.Context) float64 { return 1 }
	assert.Len(t, analysis.Check(spec), 1)
}

func TestWhatDoesNotResolveIsLeftToTheRegistry(t *testing.T) {
	for _, spec := range []registry.Spec{
		{Pipelines: map[string]registry.PipelineSpec{"p": {Pipeline: "p"}}},
		{Pipelines: map[string]registry.PipelineSpec{"p": {Circuit: "none"}}},
		{Pipelines: map[string]registry.PipelineSpec{"p": {Retry: &registry.RetrySpec{BudgetName: "none"}}}},
		{Families: map[string]registry.FamilySpec{"f": {Pipeline: "none"}}},
	} {
		require.Error(t, spec.Validate())
		assert.Empty(t, analysis.ExplainAll(spec))
		assert.NotPanics(t, func() { analysis.Check(spec) })
	}
}
