package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	page   = "../../../../docs/command-line.md"
	checks = "../analysis/check_*.go"
)

func TestThePageShowsWhatTheCommandPrints(t *testing.T) {
	text := read(t, page)
	_, rest, _ := strings.Cut(text, "Given this file,\n\n```yaml\n")
	file, _, found := strings.Cut(rest, "```")
	require.True(t, found)
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("ductile.yaml", []byte(file), 0o600))
	for _, args := range []string{"check ductile.yaml", "explain ductile.yaml charge"} {
		r := run("", nil, false, strings.Fields(args)...)
		assert.Contains(t, text, "`ductile "+args+"` prints\n\n```\n"+r.stdout+"```\n")
	}
}

func TestThePageHasEachCode(t *testing.T) {
	var want []string
	files, err := filepath.Glob(checks)
	require.NoError(t, err)
	code := regexp.MustCompile(`(?:f|add)\((?:[^"\n]*"[^"\n]*")?[^"\n]*, "([a-z]+(?:-[a-z]+)*)",`)
	for _, file := range files {
		for _, m := range code.FindAllStringSubmatch(read(t, file), -1) {
			want = append(want, m[1])
		}
	}
	var got []string
	for _, m := range regexp.MustCompile("(?m)^\\| (?:error|warning|note) \\| `([a-z-]+)` \\|").FindAllStringSubmatch(read(t, page), -1) {
		got = append(got, m[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	assert.Equal(t, slices.Compact(want), got)
	assert.Greater(t, len(got), 30)
}
