package sim

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares an output with a file of testdata.
func golden(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var got, again bytes.Buffer
	require.NoError(t, write(&got))
	require.NoError(t, write(&again))
	assert.Equal(t, got.String(), again.String(), "two writes differ")
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, got.Bytes(), 0o600))
	}
	want, err := os.ReadFile(file) //nolint:gosec // a file of this repository
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String(), "%s differs: look at it, then run go test ./sim -update", file)
}

func TestAReportIsWrittenAsBefore(t *testing.T) {
	golden(t, "report.html", drill().WriteHTML)
	golden(t, "report.svg", drill().WriteSVG)
	golden(t, "report.csv", drill().WriteCSV)
	golden(t, "report.json", drill().WriteJSON)
	golden(t, "report.txt", drill().WriteText)
	golden(t, "report.md", drill().WriteMarkdown)
}

// changed is the drill after a change: plain recovers, as_configured does not, and new is new.
func changed() *Report {
	r := drill()
	r.Results = []*Result{harmed(&r.Scenario, "plain", 0), harmed(&r.Scenario, "as_configured", -1), harmed(&r.Scenario, "new", 0)}
	r.Results[0].During.Requests = r.Results[0].During.Calls
	for i := range r.Results[0].Points {
		p := &r.Results[0].Points[i]
		p.Requests = p.Calls
	}
	for _, x := range r.Results {
		x.Verdict = verdictOf(&r.Scenario, x, 0)
	}
	r.Checks[0].OK, r.Checks[1].OK = true, false
	r.Checks = append(r.Checks, Check{Variant: "new", Expected: "success >= 99%", Got: "98 %"})
	return r
}

func TestAComparisonIsWrittenAsBefore(t *testing.T) {
	old := drill()
	old.Results = append(old.Results, harmed(&old.Scenario, "old", 0))
	c := Compare(old, changed())
	golden(t, "compare.html", c.WriteHTML)
	golden(t, "compare.txt", c.WriteText)
	golden(t, "compare.md", c.WriteMarkdown)
}
