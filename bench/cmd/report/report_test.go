package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bench/internal/runs"
)

const printed = `cpu: Abacus
BenchmarkClosedRow/lib=bare/mode=serial-2        100   2.0 ns/op   0 B/op   0 allocs/op
BenchmarkClosedRow/lib=failsafe/mode=serial-2    100 400.0 ns/op 384 B/op  14 allocs/op
BenchmarkClosedRow/lib=ductile/mode=serial-2     100  10.0 ns/op   0 B/op   0 allocs/op
BenchmarkClosedRow/lib=ductile/mode=parallel-2   100   5.0 ns/op   0 B/op   0 allocs/op
BenchmarkClosedRow/lib=failsafe/mode=parallel-2  100 450.0 ns/op 384 B/op  14 allocs/op
BenchmarkIdleRow/lib=ductile/mode=serial-2       100 300.0 ns/op 256 B/op   2 allocs/op 248.0 B/circuit
BenchmarkConnections/lib=ductile/mode=serial-2   100 9000 ns/op   1.000 conns   300 B/op   7 allocs/op
`

func read(t *testing.T) *runs.Runs {
	t.Helper()
	var rs runs.Runs
	require.NoError(t, rs.Read(strings.NewReader(printed), t.Name()))
	return &rs
}

func TestTablesHoldRatiosAllocationsAndNotes(t *testing.T) {
	text := tables(read(t), header{Machine: "Abacus", Go: "go1", Date: "a day", Command: "make bench"})
	assert.Contains(t, text, "| machine | Abacus |")
	assert.Contains(t, text, "| bare | 2.00 ns | ∞ | 0.20 |  |  |  | 0 | 0 |  |")
	assert.Contains(t, text, "| **ductile** | 10.0 ns | ∞ | 1.00 | 5.00 ns | ∞ | 1.00 | 0 | 0 |  |")
	assert.Contains(t, text, "| failsafe | 400 ns | ∞ | 40.0 | 450 ns | ∞ | 90.0 | 14 | 384 | the caller's context")
	assert.Contains(t, text, "| **ductile** | 300 ns | ∞ | 1.00 | 2 | 256 | 248 |")
	assert.Contains(t, text, "| allocs | bytes | connections |")
	assert.Contains(t, text, "| **ductile** | 9.00 µs | ∞ | 1.00 | 7 | 300 | 1 |")
	assert.Less(t, strings.Index(text, "| bare"), strings.Index(text, "| **ductile**"))
	assert.Contains(t, text, "Without go-zero, which does not count in a row.")
	assert.NotContains(t, text, "BenchmarkFour")
}

func TestTheChartShowsPeersByRatio(t *testing.T) {
	assert.Equal(t, []line{{title: "closed circuit, in a row: ductile 10.0 ns"}, {lib: "failsafe", ratio: 40}}, lines(read(t)))
}

func TestReportWritesBothFiles(t *testing.T) {
	dir := t.TempDir()
	in, md, svg := filepath.Join(dir, "in.txt"), filepath.Join(dir, "out.md"), filepath.Join(dir, "out.svg")
	require.NoError(t, os.WriteFile(in, []byte(printed), 0o600))
	require.NoError(t, report(md, svg, "make bench", []string{in}))
	text, err := os.ReadFile(md)
	require.NoError(t, err)
	assert.Contains(t, string(text), "make bench")
	picture, err := os.ReadFile(svg)
	require.NoError(t, err)
	assert.Contains(t, string(picture), "<svg")
	require.Error(t, report(md, svg, "", nil))
}

func TestDurationsAndMultiplesHaveThreeDigits(t *testing.T) {
	for seconds, want := range map[float64]string{
		1.234e-9: "1.23 ns", 12.34e-9: "12.3 ns", 123.4e-9: "123 ns", 1.234e-6: "1.23 µs", 0.01234: "12.3 ms", 2: "2.00 s",
	} {
		assert.Equal(t, want, duration(seconds))
	}
	assert.Equal(t, []string{"", "0.12", "9.94", "10.0", "123"},
		[]string{multiple(0), multiple(0.123), multiple(9.94), multiple(9.96), multiple(123.4)})
}
