package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzFiles checks and explains any file: no command panics, and what check passes,
// explain explains.
func FuzzFiles(f *testing.F) {
	scripts, err := filepath.Glob("testdata/*.txtar")
	require.NoError(f, err)
	for _, file := range scripts {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		for _, m := range marker.FindAllStringSubmatchIndex(string(text), -1) {
			if string(text[m[2]:m[3]]) == "ductile.yaml" {
				rest := string(text[m[1]:])
				if end := marker.FindStringIndex(rest); end != nil {
					rest = rest[:end[0]]
				}
				f.Add(rest)
			}
		}
	}
	ported, err := filepath.Glob(portingDir + "*.yaml")
	require.NoError(f, err)
	for _, file := range ported {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := run(text, nil, false, "check", "--notes", "-")
		assert.Contains(t, []int{0, 1}, r.code)
		for _, format := range []string{"json", "github"} {
			assert.Equal(t, r.code, run(text, nil, false, "check", "--format", format, "-").code)
		}
		if r.code == 0 {
			assert.Contains(t, []int{0, 2}, run(text, nil, false, "explain", "-").code, "2: nothing to explain")
		}
	})
}
