package promtest_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTheDocsNameMetricsThatExist checks each name and each selector of docs/prometheus.md,
// and that the page lists every metric with its labels.
func TestTheDocsNameMetricsThatExist(t *testing.T) {
	text, err := os.ReadFile("../../docs/prometheus.md")
	require.NoError(t, err)
	page := string(text)
	db := &database{format: protobuf}
	busy(t, db)
	metrics := known(db)
	for _, match := range regexp.MustCompile("`(ductile_[^`]+)`").FindAllStringSubmatch(page, -1) {
		if selector := regexp.MustCompile(`{(\w+)}`).ReplaceAllString(match[1], `{$1=""}`); strings.Contains(selector, "ductile_") {
			uses(t, metrics, selector)
		}
	}
	for name, with := range metrics {
		if strings.HasPrefix(name, "promhttp_") || name == "" || strings.HasSuffix(name, "_bucket") || strings.HasSuffix(name, "_sum") || strings.HasSuffix(name, "_count") {
			continue
		}
		row := rowOf(page, name)
		require.NotEmpty(t, row, "no row of %s", name)
		for _, label := range with {
			switch label {
			case "__name__", "job", "instance":
			default:
				assert.Contains(t, row, "`"+label+"`", name)
			}
		}
	}
}

// rowOf returns the first row of a table with a name.
func rowOf(page, name string) string {
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "| `ductile") && strings.Contains(line, "`"+name+"`") {
			return line
		}
	}
	return ""
}

func TestTheDocsListTheAlerts(t *testing.T) {
	text, err := os.ReadFile("../../docs/prometheus.md")
	require.NoError(t, err)
	for name := range rules(t) {
		assert.Contains(t, string(text), "\n| `"+name+"` | ")
	}
}
