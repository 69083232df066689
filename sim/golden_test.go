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
