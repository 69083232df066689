package pipeline_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSnippetsOfTheDocsAreCompiled finds every Go snippet of the README and of docs/ in
// a source file of this repository, line by line, indentation aside. Whole programs are
// run instead: see TestTheReadmesProgramRunsFromAnEmptyFolder.
func TestSnippetsOfTheDocsAreCompiled(t *testing.T) {
	var sources []string
	for _, file := range filesOf(t, "..", ".go") {
		sources = append(sources, flat(t, file))
	}
	for _, page := range pages(t) {
		for _, snippet := range blocks(flat(t, page), "go") {
			if strings.HasPrefix(snippet, "package main\n") {
				assert.Equal(t, "../README.md", page, "a program that no test runs")
				continue
			}
			found := false
			for _, source := range sources {
				found = found || strings.Contains(source, "\n"+snippet+"\n")
			}
			assert.True(t, found, "%s: no source has\n%s", page, snippet)
		}
	}
}

// TestTheReadmesProgramRunsFromAnEmptyFolder runs the README's first program as a
// newcomer would: its text in an empty folder, as a module that requires this one.
func TestTheReadmesProgramRunsFromAnEmptyFolder(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	program := blocks(string(readme), "go")[0]
	require.True(t, strings.HasPrefix(program, "package main\n"), program)
	code := regexp.MustCompile(`(?m)^.*\S.*$`).FindAllString(program, -1)
	assert.LessOrEqual(t, len(code), 20, "lines that are not empty")

	checkout, err := filepath.Abs("..")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o600))
	for _, args := range [][]string{
		{"mod", "init", "example.com/newcomer"},
		{"mod", "edit", "-require=github.com/ductile-go/ductile@v0.1.0", "-replace=github.com/ductile-go/ductile=" + checkout},
	} {
		goCommand(t, dir, args...)
	}
	out := goCommand(t, dir, "run", "-mod=mod", ".")
	assert.Equal(t, blocks(string(readme), "text")[0]+"\n", out)
}

// TestLinksOfTheDocsLeadSomewhere follows every relative link of every page, to a file and
// to a heading in it.
func TestLinksOfTheDocsLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code := regexp.MustCompile("(?s)```.*?\n```|`[^`\n]*`")
	for _, page := range filesOf(t, "..", ".md") {
		data, err := os.ReadFile(page)
		require.NoError(t, err)
		prose := code.ReplaceAllString(string(data), "code")
		for _, match := range link.FindAllStringSubmatch(prose, -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := page
			if target != "" {
				file = filepath.Join(filepath.Dir(page), target)
			}
			info, err := os.Stat(file)
			if !assert.NoError(t, err, "%s links to %s", page, match[1]) || info.IsDir() || anchor == "" {
				continue
			}
			assert.Contains(t, anchors(t, file), anchor, "%s links to %s", page, match[1])
		}
	}
}

// TestTheMapOfTheDocsLinksEveryPage finds each page in docs/README.md.
func TestTheMapOfTheDocsLinksEveryPage(t *testing.T) {
	data, err := os.ReadFile("../docs/README.md")
	require.NoError(t, err)
	for _, page := range filesOf(t, "../docs", ".md") {
		if name := filepath.ToSlash(strings.TrimPrefix(page, "../docs/")); name != "README.md" {
			assert.Contains(t, string(data), "]("+name+")")
		}
	}
	for _, name := range []string{"examples/README.md", "bench/RESULTS.md", "proof/RESULTS.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"} {
		assert.Contains(t, string(data), "](../"+name+")")
	}
}

// TestPagesOfPoliciesHaveTheSameSections keeps the pages of docs/policies alike, so that
// a reader of one knows the way in all.
func TestPagesOfPoliciesHaveTheSameSections(t *testing.T) {
	heading := regexp.MustCompile(`(?m)^## (.+)$`)
	for _, page := range filesOf(t, "../docs/policies", ".md") {
		data, err := os.ReadFile(page)
		require.NoError(t, err)
		var got []string
		for _, match := range heading.FindAllStringSubmatch(string(data), -1) {
			got = append(got, match[1])
		}
		assert.Equal(t, []string{"When", "When not", "Config", "Events", "Errors", "Composition", "Recipe"}, got, page)
	}
}

// pages returns the README and every page of docs/.
func pages(t *testing.T) []string {
	t.Helper()
	return append(filesOf(t, "../docs", ".md"), "../README.md")
}

// filesOf returns the files below dir with the given extension.
func filesOf(t *testing.T, dir, extension string) (files []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != dir && d.Name() != "..":
			return filepath.SkipDir
		case filepath.Ext(path) == extension:
			files = append(files, path)
		}
		return nil
	}))
	require.NotEmpty(t, files)
	return files
}

// blocks returns the fenced blocks of a page that are in the given language.
func blocks(page, language string) (found []string) {
	for _, block := range strings.Split(page, "\n```"+language+"\n")[1:] {
		block, _, _ = strings.Cut(block, "\n```")
		found = append(found, block)
	}
	return found
}

// anchors returns the fragments by which a page's headings are linked to.
func anchors(t *testing.T, page string) (fragments []string) {
	t.Helper()
	data, err := os.ReadFile(page)
	require.NoError(t, err)
	heading := regexp.MustCompile(`(?m)^#+ (.+)$`)
	dropped := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for _, match := range heading.FindAllStringSubmatch(string(data), -1) {
		text := dropped.ReplaceAllString(strings.ToLower(match[1]), "")
		fragments = append(fragments, strings.ReplaceAll(text, " ", "-"))
	}
	return fragments
}

// goCommand runs the go command in dir, with nothing but the module cache, and returns
// what it writes.
func goCommand(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOPROXY=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "go %s\n%s", strings.Join(args, " "), stderr.String())
	return string(out)
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
