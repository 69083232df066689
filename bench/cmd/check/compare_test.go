package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bench/internal/runs"
)

// printed is what go test prints of passes in which a call took the given times
// and a bare call took a nanosecond times the given factors.
func printed(times, bares []float64, allocs, bytes int) string {
	var b strings.Builder
	for i, t := range times {
		fmt.Fprintf(&b, "BenchmarkFour/lib=bare/mode=serial-2 100 %g ns/op 0 B/op 0 allocs/op\n", bares[i])
		fmt.Fprintf(&b, "BenchmarkFour/lib=ductile/mode=serial-2 100 %g ns/op %d B/op %d allocs/op\n", t, bytes, allocs)
	}
	return b.String()
}

func read(t *testing.T, text string) *runs.Runs {
	t.Helper()
	var rs runs.Runs
	require.NoError(t, rs.Read(strings.NewReader(text), t.Name()))
	return &rs
}

func key(scenario, mode string) runs.Key {
	return runs.Key{Scenario: scenario, Lib: "ductile", Mode: mode}
}

func TestCompareFindsLossesAboveNoise(t *testing.T) {
	steady := []float64{1, 1, 1, 1, 1, 1}
	base := printed([]float64{100, 101, 102, 103, 104, 105}, steady, 1, 96)
	for name, c := range map[string]struct {
		head   string
		losses []string
	}{
		"the same":              {base, nil},
		"slower within margin":  {printed([]float64{106, 107, 107, 108, 108, 109}, steady, 1, 96), nil},
		"slower":                {printed([]float64{120, 121, 122, 123, 124, 125}, steady, 1, 96), []string{runs.Time}},
		"slower, but all over":  {printed([]float64{50, 60, 70, 180, 190, 200}, steady, 1, 96), nil},
		"faster":                {printed([]float64{50, 51, 52, 53, 54, 55}, steady, 1, 96), nil},
		"on a slower machine":   {printed([]float64{200, 202, 204, 206, 208, 210}, []float64{2, 2, 2, 2, 2, 2}, 1, 96), nil},
		"one machine turns hot": {printed([]float64{100, 101, 102, 309, 312, 315}, []float64{1, 1, 1, 3, 3, 3}, 1, 96), nil},
		"an allocation more":    {printed([]float64{100, 101, 102, 103, 104, 105}, steady, 2, 96), []string{runs.Allocs}},
		"a few bytes more":      {printed([]float64{100, 101, 102, 103, 104, 105}, steady, 1, 104), nil},
		"a field more":          {printed([]float64{100, 101, 102, 103, 104, 105}, steady, 1, 112), []string{runs.Bytes}},
		"an allocation less":    {printed([]float64{100, 101, 102, 103, 104, 105}, steady, 0, 0), nil},
	} {
		t.Run(name, func(t *testing.T) {
			all := compare(read(t, base), read(t, c.head), 1.1)
			assert.Len(t, all, 3)
			var units []string
			for _, f := range losses(all) {
				units = append(units, f.unit)
				assert.Contains(t, f.String(), "LOSS")
			}
			assert.Equal(t, c.losses, units)
		})
	}
}

func TestAConnectionMoreIsALoss(t *testing.T) {
	run := func(conns int) string {
		return fmt.Sprintf("BenchmarkConnections/lib=ductile/mode=serial-2 100 9 ns/op %d conns\n", conns)
	}
	assert.Empty(t, losses(compare(read(t, run(1)), read(t, run(1)), 1.1)))
	lost := losses(compare(read(t, run(1)), read(t, run(2)), 1.1))
	require.Len(t, lost, 1)
	assert.Equal(t, runs.Conns, lost[0].unit)
}

func TestCompareNeedsPassesToCallALossOne(t *testing.T) {
	base := printed([]float64{100, 100}, []float64{1, 1}, 0, 0)
	head := printed([]float64{300, 300}, []float64{1, 1}, 0, 0)
	assert.Empty(t, losses(compare(read(t, base), read(t, head), 1.1)))
}

func TestAllocationsThatDependOnLuckAreNoLoss(t *testing.T) {
	times, bares := []float64{100}, []float64{1}
	base := printed(times, bares, 7, 0) + printed(times, bares, 8, 0) + printed(times, bares, 7, 0)
	head := printed(times, bares, 8, 0) + printed(times, bares, 8, 0) + printed(times, bares, 9, 0)
	assert.Empty(t, losses(compare(read(t, base), read(t, head), 1.1)))
}

func TestCompareLeavesOutWhatBaseDoesNotHave(t *testing.T) {
	base := "BenchmarkThree/lib=ductile/mode=serial-2 100 1 ns/op\n"
	head := printed([]float64{100}, []float64{1}, 0, 0)
	assert.Empty(t, compare(read(t, base), read(t, head), 1.1))
}

func TestALossCountsWhenItShowsTwice(t *testing.T) {
	loss := finding{key: key("Four", "serial"), unit: runs.Time, loss: true}
	fine := finding{key: key("Four", "serial"), unit: runs.Time}
	other := finding{key: key("Four", "serial"), unit: runs.Allocs, loss: true}
	assert.Equal(t, []finding{loss}, confirmed([]finding{loss}, []finding{loss}))
	assert.Empty(t, confirmed([]finding{loss}, []finding{fine}))
	assert.Empty(t, confirmed([]finding{loss}, []finding{other}))
	assert.Empty(t, confirmed([]finding{fine}, []finding{loss}))
}

func TestAcceptedLossesAreNotRefused(t *testing.T) {
	half := finding{key: key("HalfOpen", "serial"), unit: runs.Allocs, loss: true}
	four := finding{key: key("Four", "serial"), unit: runs.Allocs, loss: true}
	closure := finding{key: key("FourClosure", "serial"), unit: runs.Time, loss: true}
	lost := []finding{half, four, closure}
	assert.Equal(t, lost, refused(lost, scenarioList("")))
	assert.Equal(t, []finding{closure}, refused(lost, scenarioList("HalfOpen, Four\n")))
	assert.Empty(t, refused(lost, scenarioList("FourClosure Four,HalfOpen")))
}

func TestMargins(t *testing.T) {
	for text, want := range map[string]float64{"10%": 1.1, "0%": 1, "2.0x": 2, "1x": 1, "50%": 1.5} {
		got, err := parseMargin(text)
		require.NoError(t, err, text)
		assert.InDelta(t, want, got, 1e-9, text)
	}
	for _, text := range []string{"", "10", "0.5x", "-1%", "x", "2x%", "NaN%", "Infx"} {
		_, err := parseMargin(text)
		assert.ErrorContains(t, err, "margin", text)
	}
}
