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
	"go.yaml.in/yaml/v3"
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

// block returns the first block of YAML behind a phrase.
func block(t *testing.T, text, phrase string) string {
	t.Helper()
	_, rest, _ := strings.Cut(text, phrase+"\n\n```yaml\n")
	file, _, found := strings.Cut(rest, "```")
	require.True(t, found, phrase)
	return file
}

func TestThePageShowsWhatSimulatePrints(t *testing.T) {
	path, err := filepath.Abs(page)
	require.NoError(t, err)
	text := read(t, page)
	inDir(t, map[string]string{"outage.yaml": block(t, text, "Given this scenario,"), "ductile.yaml": block(t, text, "and this configuration,")})
	for _, args := range []string{"simulate outage.yaml --config ductile.yaml", "simulate --sweep retry.max_attempts=1..3 outage.yaml --config ductile.yaml"} {
		r := run("", nil, false, strings.Fields(args)...)
		require.Zero(t, r.code, r.stderr)
		before := "`ductile " + args + "` prints\n\n```\n"
		if *update {
			head, rest, found := strings.Cut(text, before)
			require.True(t, found, args)
			_, rest, _ = strings.Cut(rest, "```\n")
			text = head + before + r.stdout + "```\n" + rest
			require.NoError(t, os.WriteFile(path, []byte(text), 0o644)) //nolint:gosec // a file of the repository
		}
		assert.Contains(t, text, before+r.stdout+"```\n")
	}
}

func TestTheWorkflowRunsCommandsThatWork(t *testing.T) {
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct{ Uses, Run string }
		}
	}
	text := read(t, filepath.Join(filepath.Dir(page), "rehearse-workflow.yml"))
	require.NoError(t, yaml.Unmarshal([]byte(text), &workflow))
	inDir(t, map[string]string{"old.yaml": "pipelines: {charge: {retry: {}}}\n"})
	require.NoError(t, os.Mkdir("deploy", 0o700))
	require.NoError(t, os.WriteFile("deploy/outage.yaml", []byte(strings.Split(small, "pipelines:")[0]+"expect: [{success: '>= 10%'}]\n"), 0o600))
	require.NoError(t, os.WriteFile("deploy/ductile.yaml", []byte("pipelines: {charge: {retry: {max_attempts: 2}}}\n"), 0o600))
	ran := 0
	for _, step := range workflow.Jobs["outage"].Steps {
		_, args, found := strings.Cut(step.Run, "cmd/ductile@latest ")
		if !found {
			continue
		}
		ran++
		r := run("", []string{"GITHUB_STEP_SUMMARY=summary.md"}, false, strings.Fields(args)...)
		assert.Zero(t, r.code, "%s: %s", args, r.stderr)
	}
	assert.Equal(t, 2, ran)
	summary := read(t, "summary.md")
	assert.Contains(t, summary, "## Outage rehearsal\n")
	assert.Contains(t, summary, "## Outage rehearsal, old and new\n")
	for _, name := range []string{"report.html", "difference.html"} {
		assert.Contains(t, read(t, name), "</html>")
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
