package bench_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAllocationsOfTheReadme counts what the line of the README says.
func TestAllocationsOfTheReadme(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	line := regexp.MustCompile(`(?m)^\| allocations of fallback > retry > breaker, success \|.*$`).FindString(string(readme))
	require.NotEmpty(t, line)
	w := workloads["Three"]
	counts := map[string]float64{}
	for _, c := range w.contenders() {
		do, ctx := c.bind(w.callee()), context.Background()
		counts[c.lib] = testing.AllocsPerRun(100, func() { _, _ = do(ctx) })
	}
	require.Contains(t, counts, "failsafe")
	assert.Zero(t, counts["ductile"])
	assert.Regexp(t, fmt.Sprintf(`success \| %g \| %g \|`, counts["ductile"], counts["failsafe"]), line)
}
