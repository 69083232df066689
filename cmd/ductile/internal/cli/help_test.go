package cli_test

import (
	"errors"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/cmd/ductile/internal/cli"
)

func TestEveryHelpFitsAScreenAndHasAnExample(t *testing.T) {
	for _, command := range []string{"", "check", "explain", "simulate", "schema", "version"} {
		r := run("", nil, false, append(strings.Fields(command), "--help")...)
		assert.Zero(t, r.code, command)
		assert.Empty(t, r.stderr, command)
		lines := strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n")
		assert.LessOrEqual(t, len(lines), 24, "lines of %q", command)
		for _, line := range lines {
			assert.LessOrEqual(t, utf8.RuneCountInString(line), 80, line)
		}
		assert.Contains(t, r.stdout, "Example:\n  ductile "+command)
	}
}

func TestHelpAsACommandAndAsAFlagAreOne(t *testing.T) {
	for _, command := range []string{"check", "explain", "simulate", "schema", "version"} {
		want := run("", nil, false, command, "--help")
		assert.Equal(t, want, run("", nil, false, "help", command))
		assert.Equal(t, want, run("", nil, false, command, "-h"))
	}
	assert.Equal(t, run("", nil, false, "--help"), run("", nil, false, "help"))
}

func TestSchemaIsJSONWithALineEnd(t *testing.T) {
	r := run("", nil, false, "schema")
	assert.Zero(t, r.code)
	assert.True(t, strings.HasSuffix(r.stdout, "}\n"))
	assert.Contains(t, r.stdout, "https://json-schema.org/draft/2020-12/schema")
	assert.Contains(t, r.stdout, "max_recovery_timeout")
}

type broken struct{}

var errBroken = errors.New("the pipe is broken")

func (broken) Read([]byte) (int, error) { return 0, errBroken }

func TestAnUnreadableInputIsAFault(t *testing.T) {
	var out, problems strings.Builder
	code := cli.Run([]string{"check", "-"}, cli.Env{Stdin: broken{}, Stdout: &out, Stderr: &problems})
	assert.Equal(t, 1, code)
	assert.Equal(t, "stdin: the pipe is broken\nstdin: 1 error\n", out.String())
}

func TestAWrongFlagIsNamedAsItIsWrittenInTheHelp(t *testing.T) {
	for _, c := range []struct {
		want string
		args []string
	}{
		{`check: --strict is "maybe", want true or false, or no value`, []string{"check", "--strict=maybe", "a.yaml"}},
		{"check: --env needs a value, as in --env PREFIX", []string{"check", "a.yaml", "--env"}},
		{"simulate: --seed needs a value, as in --seed N", []string{"simulate", "-seed"}},
		{`simulate: --seed is "-1", want a whole number of 0 or more`, []string{"simulate", "--seed", "-1", "a.yaml"}},
		{"simulate: --sweep is given twice, want one FIELD", []string{"simulate", "a.yaml", "--sweep=seed=1..3", "--sweep=duration=10s,20s"}},
		{"check: an argument is empty, want a name: is a variable of the script not set?", []string{"check", ""}},
		{"explain: an argument is empty, want a name: is a variable of the script not set?", []string{"explain", "a.yaml", ""}},
		{"check: an argument is empty, want a name: is a variable of the script not set?", []string{"check", "--", ""}},
		{`simulate: unexpected argument "a.yaml": want one SCENARIO; a service is named with a =, as in --survive=SERVICE`, []string{"simulate", "--survive", "api", "a.yaml"}},
		{`simulate: unexpected argument "recovery": want one SCENARIO; a measure is named with a =, as in --tornado=MEASURE`, []string{"simulate", "a.yaml", "--tornado", "recovery"}},
	} {
		r := run("", nil, false, c.args...)
		assert.Equal(t, 2, r.code, c.args)
		first, _, _ := strings.Cut(r.stderr, "\n")
		assert.Equal(t, "ductile "+c.want, first)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: errBroken}
}

func TestOutputThatCannotBeWrittenIsNoSuccess(t *testing.T) {
	const good = "pipelines: {a: {total_timeout: 1s}}\n"
	for _, line := range []string{
		"check -", "check --format json -", "explain -", "explain --format json -",
		"schema", "version", "help", "check --help", "simulate --list",
	} {
		var problems strings.Builder
		code := cli.Run(strings.Fields(line), cli.Env{Stdin: strings.NewReader(good), Stdout: full{}, Stderr: &problems})
		assert.Equal(t, 1, code, line)
		assert.Equal(t, "ductile: the standard output cannot be written: the pipe is broken\n", problems.String(), line)
	}
}

func TestTheStandardInputIsReadOnce(t *testing.T) {
	r := run("pipelines: {a: {total_timeout: 1s}}\n", nil, false, "check", "--each", "-", "-")
	assert.Zero(t, r.code)
	assert.Equal(t, "stdin, stdin: no faults\n", r.stdout)
}

func TestTheProcessIsTheSystem(t *testing.T) {
	env := cli.System()
	assert.NotNil(t, env.Stdin)
	assert.NotEmpty(t, env.Environ)
	assert.Contains(t, env.Version, "ductile ")
}

func TestVersionIsThatOfTheModule(t *testing.T) {
	assert.Contains(t, cli.Version(&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, true), "ductile v1.2.3, go1")
	assert.Contains(t, cli.Version(nil, false), "ductile (devel), go1")
}
