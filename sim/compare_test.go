package sim

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAComparisonSaysWhatIsBetterAndWhatIsWorse(t *testing.T) {
	old := drill()
	old.Results = append(old.Results, harmed(&old.Scenario, "old", 0))
	c := Compare(old, changed())
	assert.Equal(t, "worse: as_configured; better: plain", c.Verdict())
	assert.Equal(t, []string{"Only in the new report: new.", "Only in the old report: old."}, c.notes())
	assert.Equal(t, "no variant differs much", Compare(drill(), drill()).Verdict())
	assert.Equal(t, "the reports have no variant in common", Compare(drill(), &Report{}).Verdict())
}

func TestAComparisonOfSingleVariantsDoesNotNeedTheirNames(t *testing.T) {
	single := func(recovery time.Duration) *Report {
		r := drill()
		x := harmed(&r.Scenario, recovery.String(), recovery)
		x.Verdict = verdictOf(&r.Scenario, x, 0)
		r.Results = []*Result{x}
		return r
	}
	say := func(a, b time.Duration) string { return Compare(single(a), single(b)).Verdict() }
	assert.Equal(t, `better: it was "recovers 9 s after the fault; at worst 3.00x the load", and is "recovers 1 s after the fault; at worst 3.00x the load"`, say(9*time.Second, time.Second))
	assert.Contains(t, say(time.Second, 9*time.Second), "worse: it was ")
	assert.Contains(t, say(time.Second, time.Second), "no great difference: it was ")
	assert.Contains(t, say(-1, time.Second), "better: ")
}

func TestSmallDifferencesDoNotCount(t *testing.T) {
	assert.Zero(t, points("success", 0.990, 0.999).worse)
	assert.Equal(t, 1, points("success", 0.99, 0.90).worse)
	assert.Equal(t, -1, points("success", 0.90, 0.99).worse)
	assert.Equal(t, "+9 points", points("success", 0.90, 0.99).change)
	write := func(float64) string { return "" }
	assert.Zero(t, ratio("load", 1, 1.04, 0.05, write).worse)
	assert.Equal(t, 1, ratio("load", 1, 1.5, 0.05, write).worse)
	assert.Equal(t, "+50 %", ratio("load", 1, 1.5, 0.05, write).change)
	assert.Equal(t, "-", ratio("load", 0, 1.5, 0.05, write).change)
	assert.Equal(t, -1, ratio("load", 2, 1, 0.05, write).worse)
	r := drill()
	x, y := harmed(&r.Scenario, "a", time.Second), harmed(&r.Scenario, "a", 1300*time.Millisecond)
	assert.Zero(t, pair{"a", x, y}.recovery().worse)
	assert.Equal(t, "+300 ms", pair{"a", x, y}.recovery().change)
}

func TestBetterInOneAndWorseInAnotherIsBetterInPart(t *testing.T) {
	r, s := drill(), drill()
	s.Results[0].During.P99 = 5 * time.Second
	s.Results[0].After.Succeeded = s.Results[0].After.Calls
	assert.Equal(t, "better in part: plain", Compare(r, s).Verdict())
	r.Results, s.Results = r.Results[:1], s.Results[:1]
	assert.Contains(t, Compare(r, s).Verdict(), "better in part: it was ")
}

func TestAnyTwoReportsCanBeCompared(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 2))
		c := Compare(anyReport(random), anyReport(random))
		var b bytes.Buffer
		require.NoError(t, c.WriteHTML(&b))
		wellFormed(t, b.String())
		assert.Empty(t, notNumbers.FindString(b.String()))
		b.Reset()
		require.NoError(t, c.WriteText(&b))
		assert.NotContains(t, b.String(), "\x1b")
		require.NoError(t, c.WriteMarkdown(&b))
		for _, write := range []func(io.Writer) error{c.WriteHTML, c.WriteText, c.WriteMarkdown} {
			assert.Error(t, write(fullDisk{}))
		}
	}
}
