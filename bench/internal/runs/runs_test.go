package runs_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bench/internal/runs"
)

const printed = `goos: linux
cpu: Abacus      
BenchmarkFour/lib=bare/mode=serial-2     	 100	 2.0 ns/op	 0 B/op	 0 allocs/op
BenchmarkFour/lib=a+b/mode=serial-2      	 100	50.0 ns/op	 8 B/op	 1 allocs/op
BenchmarkFour/lib=go-zero/mode=parallel-2	 100	 9.5 ns/op	 7.5 B/circuit
BenchmarkFour/lib=bare/mode=serial-2     	 100	 4.0 ns/op	 0 B/op	 0 allocs/op
BenchmarkFour/lib=bare/mode=serial-2     	 100	 3.0 ns/op	 0 B/op	 0 allocs/op
PASS
`

func TestReadsByScenarioLibraryAndMode(t *testing.T) {
	var rs runs.Runs
	require.NoError(t, rs.Read(strings.NewReader(printed), "printed"))
	bare := runs.Key{Scenario: "Four", Lib: "bare", Mode: "serial"}
	both := runs.Key{Scenario: "Four", Lib: "a+b", Mode: "serial"}
	zero := runs.Key{Scenario: "Four", Lib: "go-zero", Mode: "parallel"}
	assert.Equal(t, []runs.Key{bare, both, zero}, rs.Order)
	assert.Equal(t, "Abacus", rs.Config["cpu"])
	assert.Len(t, rs.ByKey[bare][runs.Time], 3)
	assert.InDelta(t, 3e-9, rs.Median(bare, runs.Time), 1e-15)
	assert.InDelta(t, 1, rs.Median(both, runs.Allocs), 0)
	assert.InDelta(t, 7.5, rs.Median(zero, runs.Circuit), 0)
	_, measured := rs.Summary(zero, runs.Allocs)
	assert.False(t, measured)
}

func TestReadRefusesOtherBenchmarks(t *testing.T) {
	var rs runs.Runs
	err := rs.Read(strings.NewReader("BenchmarkOther-2 1 1 ns/op\n"), "other")
	assert.ErrorContains(t, err, "Other")
}
