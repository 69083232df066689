package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The chart in the repository is the one that the program draws: every run comes to the same.
func TestTheHedgesDoWhatTheyAreForAndTheChartShowsIt(t *testing.T) {
	var out strings.Builder
	path := t.TempDir() + "/hedged.svg"
	require.NoError(t, run(t.Context(), &out, path), out.String())
	drawn, err := os.ReadFile(path)
	require.NoError(t, err)
	kept, err := os.ReadFile("hedged.svg")
	require.NoError(t, err)
	assert.Equal(t, string(kept), string(drawn), "make it anew: go run ./hedged -svg hedged/hedged.svg")
	for decoder := xml.NewDecoder(strings.NewReader(string(drawn))); ; {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	assert.Contains(t, string(readme), strings.TrimRight(out.String(), "\n"), "the table in the README")
}

func TestAHedgeThatDoesNotHelpIsFound(t *testing.T) {
	slow := func(title string, extra float64) result {
		return result{title: title, took: []time.Duration{time.Second}, extra: extra}
	}
	err := judge([]result{slow("without", 0), slow("with", 0.5)})
	require.Error(t, err)
	assert.Contains(t, err.Error(), "with: p99.9 is 1s, without 1s")
	assert.Contains(t, err.Error(), "50.0 % more attempts")
}
