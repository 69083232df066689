package cli_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cmd/ductile/internal/cli"
)

var update = flag.Bool("update", false, "write what the commands print into testdata/*.txtar")

// script is a file of testdata: a command line, its environment, files, and what it prints
// and returns. Its format is that of golang.org/x/tools/txtar.
type script struct {
	args     []string
	environ  []string
	terminal bool
	exit     int
	head     string
	sections []section
}

type section struct{ name, text string }

var marker = regexp.MustCompile(`(?m)^-- (.+) --\n`)

func parse(t *testing.T, text string) *script {
	s := &script{}
	at := marker.FindAllStringSubmatchIndex(text, -1)
	require.NotEmpty(t, at)
	s.head = text[:at[0][0]]
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		s.sections = append(s.sections, section{text[m[2]:m[3]], text[m[1]:end]})
	}
	for line := range strings.Lines(s.head) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "$":
			s.args = strings.Fields(rest)[1:]
		case "env":
			s.environ = append(s.environ, rest)
		case "terminal":
			s.terminal = true
		case "exit":
			var err error
			s.exit, err = strconv.Atoi(rest)
			require.NoError(t, err)
		case "", "#":
		default:
			require.Fail(t, "unknown line", line)
		}
	}
	return s
}

// get returns the text of a section, or "".
func (s *script) get(name string) string {
	for _, sec := range s.sections {
		if sec.name == name {
			return sec.text
		}
	}
	return ""
}

// result is what a command did.
type result struct {
	stdout, stderr string
	code           int
}

// run runs the command line in a directory that has the files of the script.
func (s *script) run(t *testing.T) result {
	t.Chdir(t.TempDir())
	for _, sec := range s.sections {
		if sec.name != "stdout" && sec.name != "stderr" && sec.name != "stdin" {
			require.NoError(t, os.WriteFile(sec.name, []byte(sec.text), 0o600))
		}
	}
	r := run(s.get("stdin"), s.environ, s.terminal, s.args...)
	dir, err := os.Getwd()
	require.NoError(t, err)
	r.stdout = strings.ReplaceAll(r.stdout, dir, "$WORK")
	r.stderr = strings.ReplaceAll(r.stderr, dir, "$WORK")
	return r
}

func run(stdin string, environ []string, terminal bool, args ...string) result {
	var stdout, stderr bytes.Buffer
	code := cli.Run(args, cli.Env{
		Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr,
		Environ: environ, Terminal: terminal, Version: "ductile v0.1.0, go1.26 linux/amd64",
	})
	return result{stdout.String(), stderr.String(), code}
}

// with returns the script with what it printed.
func (s *script) with(r result) string {
	var b strings.Builder
	b.WriteString(s.head)
	for _, sec := range append(s.inputs(), section{"stdout", r.stdout}, section{"stderr", r.stderr}) {
		if sec.text != "" {
			b.WriteString("-- " + sec.name + " --\n" + sec.text)
		}
	}
	return b.String()
}

func (s *script) inputs() []section {
	var in []section
	for _, sec := range s.sections {
		if sec.name != "stdout" && sec.name != "stderr" {
			in = append(in, sec)
		}
	}
	return in
}

func TestPrintsWhatTheScriptsHave(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.Greater(t, len(files), 20)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			path, err := filepath.Abs(file)
			require.NoError(t, err)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			s := parse(t, string(text))
			got := s.run(t)
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(s.with(got)), 0o600))
			}
			assert.Equal(t, s.get("stdout"), got.stdout, "stdout")
			assert.Equal(t, s.get("stderr"), got.stderr, "stderr")
			assert.Equal(t, s.exit, got.code, "exit code")
		})
	}
}
