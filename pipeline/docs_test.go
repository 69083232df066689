package pipeline_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSnippetsOfTheDocsAreCompiled finds every Go snippet of the README and of
// docs/ in a source file of this repository, line by line, indentation aside.
func TestSnippetsOfTheDocsAreCompiled(t *testing.T) {
	var sources []string
	for _, pattern := range []string{"../*/*.go", "../examples/*/*.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			sources = append(sources, flat(t, file))
		}
	}
	docs, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	for _, doc := range append(docs, "../README.md") {
		snippets := strings.Split(flat(t, doc), "\n```go\n")[1:]
		for _, snippet := range snippets {
			snippet, _, _ = strings.Cut(snippet, "\n```")
			found := false
			for _, source := range sources {
				found = found || strings.Contains(source, "\n"+snippet+"\n")
			}
			assert.True(t, found, "%s: no source has\n%s", doc, snippet)
		}
	}
}

// flat returns a file's lines without their indentation.
func flat(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	lines := strings.Split(string(data), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return "\n" + strings.Join(lines, "\n") + "\n"
}
