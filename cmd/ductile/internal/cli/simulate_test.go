package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cmd/ductile/internal/cli"
	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/ductileconfig/scenario"
	"github.com/ductile-go/ductile/sim/scenarios"
)

const small = `duration: 4s
services: {api: {workers: 1, queue: 100, service_time: {dist: exponential, mean: 10ms}}}
clients: {web: {rate: 40/s, calls: api, pipeline: charge}}
faults: [{at: 1s, for: 1s, service: api, errors: 50%}]
pipelines: {charge: {retry: {max_attempts: 2, base_delay: 10ms}}}
`

// long has so many calls that it cannot end before an interrupt.
var long = strings.ReplaceAll(strings.ReplaceAll(small, "40/s", "90/s"), "4s", "20h")

// inDir changes into a directory with files.
func inDir(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
}

func simulate(args ...string) result {
	return run("", nil, false, append([]string{"simulate"}, args...)...)
}

// A line of the output may be a command of the terminal, or of the job that prints it.
func TestTheNamesOfAScenarioAreNoCommands(t *testing.T) {
	inDir(t, map[string]string{"outage.yaml": small + `variants: {plain: {}, "x\n::add-mask::y\e[31m": {}}
expect: [{success: ">= 100%", when: during}]
`})
	for _, args := range [][]string{{"outage.yaml"}, {"outage.yaml", "--quiet"}, {"outage.yaml", "--format=github"}} {
		r := simulate(args...)
		assert.Equal(t, 1, r.code)
		assert.NotContains(t, r.stdout+r.stderr, "\n::add-mask", args)
		assert.NotContains(t, r.stdout+r.stderr, "\x1b[31m", args)
		assert.Contains(t, r.stdout+r.stderr, "::add-mask::y", "the name is shown")
	}
}

func TestAReportIsWrittenInTheFormOfItsName(t *testing.T) {
	inDir(t, map[string]string{"outage.yaml": small, "a.html": strings.Repeat("what was there before", 100_000)})
	forms := map[string]string{"a.html": "<!DOCTYPE html>", "b.svg": "<svg", "c.json": "{\n", "d.csv": "variant,", "e.md": "## Outage", "f.TXT": "Recovers"}
	args := []string{"outage.yaml", "--quiet"}
	for name := range forms {
		args = append(args, "--out", name)
	}
	r := simulate(args...)
	require.Zero(t, r.code, r.stderr)
	for name, begin := range forms {
		text := read(t, name)
		assert.True(t, strings.HasPrefix(strings.ToLower(text), strings.ToLower(begin)), "%s begins with %.40q", name, text)
		assert.NotContains(t, text, "what was there before")
	}
	assert.Empty(t, r.stderr)
	assert.Equal(t, "wrote a.html\n", simulate("outage.yaml", "--out", "a.html").stderr)
	for _, question := range []string{"--sweep=retry.max_attempts=1,2", "--survive", "--tornado", "--against=outage.yaml"} {
		inDir(t, map[string]string{"outage.yaml": small})
		require.NoError(t, os.WriteFile("none.yaml", nil, 0o600))
		r := simulate("outage.yaml", "--quiet", "--out", "q.html", strings.Replace(question, "outage", "none", 1))
		require.Zero(t, r.code, r.stderr)
		assert.True(t, strings.HasPrefix(read(t, "q.html"), "<!"), question)
	}
}

func TestTwoRunsWriteTheSameBytes(t *testing.T) {
	inDir(t, map[string]string{"outage.yaml": small})
	for _, name := range []string{"a.html", "b.html"} {
		require.Zero(t, simulate("outage.yaml", "--quiet", "--out", name).code)
	}
	assert.Equal(t, read(t, "a.html"), read(t, "b.html"))
	require.Zero(t, simulate("outage.yaml", "--quiet", "--seed", "9", "--out", "b.html").code)
	assert.NotEqual(t, read(t, "a.html"), read(t, "b.html"))
}

func TestAFullOrUnwritablePlaceIsSaid(t *testing.T) {
	inDir(t, map[string]string{"outage.yaml": small})
	require.NoError(t, os.Mkdir("dir.html", 0o700))
	r := simulate("outage.yaml", "--out", "dir.html")
	assert.Equal(t, 1, r.code)
	assert.Equal(t, "ductile simulate: --out dir.html cannot be written: is a directory\n", r.stderr)
	assert.Empty(t, r.stdout, "nothing was run")
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	require.NoError(t, os.Symlink("/dev/full", "full.html"))
	r = simulate("outage.yaml", "--quiet", "--out", "full.html")
	assert.Equal(t, 1, r.code)
	assert.Equal(t, "ductile simulate: --out full.html cannot be written: no space left on device\n", r.stderr)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	var problems bytes.Buffer
	code := cli.Run([]string{"simulate", "outage.yaml"}, cli.Env{Stdout: full, Stderr: &problems})
	require.NoError(t, full.Close())
	assert.Equal(t, 1, code)
	assert.Contains(t, problems.String(), "no space left on device")
	r = run("", []string{"GITHUB_STEP_SUMMARY=nowhere/x"}, false, "simulate", "outage.yaml", "--format", "github")
	assert.Equal(t, 1, r.code)
	assert.Contains(t, r.stderr, "GITHUB_STEP_SUMMARY, cannot be written")
}

func TestARunThatGivesNoAnswerLeavesNoFile(t *testing.T) {
	inDir(t, map[string]string{"outage.yaml": small, "old.md": "the last report"})
	for _, args := range [][]string{
		{"none.yaml"},
		{"outage.yaml", "--sweep", "retry.max_atempts=1,2"},
		{"outage.yaml", "--against", "none.yaml"},
		{"outage.yaml", "--out", "nowhere/report.html"},
	} {
		r := simulate(append([]string{"--out", "new.md", "--out", "old.md"}, args...)...)
		assert.NotZero(t, r.code, args)
		assert.NoFileExists(t, "new.md", args)
		assert.Equal(t, "the last report", read(t, "old.md"), args)
	}
}

func TestAnInterruptEndsACommandThatWaitsForItsInput(t *testing.T) {
	caught := false
	code := cli.Run([]string{"simulate", "-"}, cli.Env{
		Stdin: broken{}, Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{},
		Interrupt: func() (context.Context, context.CancelFunc) {
			caught = true
			return context.WithCancel(t.Context())
		},
	})
	assert.Equal(t, 1, code)
	assert.False(t, caught, "the system ends the command")
}

func TestTheSummaryOfTheJobHasTheVerdict(t *testing.T) {
	inDir(t, map[string]string{"outage.yaml": small + "expect: [{success: '>= 100%'}]\n", "summary.md": "# before\n"})
	r := run("", []string{"GITHUB_STEP_SUMMARY=summary.md"}, false, "simulate", "outage.yaml", "--format", "github")
	assert.Equal(t, 1, r.code)
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	require.Len(t, lines, 2)
	assert.True(t, strings.HasPrefix(lines[0], "::notice title=ductile%3A simulate::"), lines[0])
	assert.True(t, strings.HasPrefix(lines[1], "::error file=outage.yaml,line=6,col=20,title=ductile%3A expectation::as_configured: want success >= 100%25; got "), lines[1])
	text := read(t, "summary.md")
	assert.True(t, strings.HasPrefix(text, "# before\n## Outage rehearsal\n"), "%.80q", text)
	assert.Contains(t, text, "❌ failed")
}

// ticking is a clock that moves on by a step each time that it is read.
func ticking(step time.Duration) func() time.Time {
	var mu sync.Mutex
	now := time.Unix(0, 0)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(step)
		return now
	}
}

func TestALongRunShowsABarOnATerminal(t *testing.T) {
	inDir(t, map[string]string{"outage.yaml": long + "variants: {a: {}, b: {}}\n"})
	r := interruptedIn(t, cli.Env{ErrTerminal: true, Now: ticking(time.Second)}, 3, "outage.yaml")
	text, rest, removed := strings.Cut(r.stderr, "\r\x1b[K")
	assert.Regexp(t, `^(\r\[#*-+\] +\d+ %, [\dhms.]+ of 20h0m0s, 2 variants(, \S+ left)?\x1b\[K){3,}$`, text)
	assert.True(t, removed, "the bar is removed")
	assert.Contains(t, rest, "the run was interrupted")
	assert.NotContains(t, text, "\n")
	for _, bar := range strings.Split(text, "\r") {
		assert.LessOrEqual(t, len(bar), 80+len("\x1b[K"))
	}
}

func TestALongRunPrintsLinesElsewhere(t *testing.T) {
	inDir(t, map[string]string{"long.yaml": long, "outage.yaml": small})
	r := interruptedIn(t, cli.Env{Now: ticking(5 * time.Second)}, 2, "long.yaml")
	assert.Regexp(t, `^(ductile simulate: \d+ %, [\dhms.]+ of 20h0m0s(, \S+ left)?\n){2,}ductile simulate: sim: the run was interrupted`, r.stderr)
	var out, problems bytes.Buffer
	env := cli.Env{Stdout: &out, Stderr: &problems, Now: ticking(5 * time.Second)}
	require.Zero(t, cli.Run([]string{"simulate", "--sweep", "seed=1..6", "outage.yaml"}, env))
	assert.Contains(t, problems.String(), "run 4 of 6")
	problems.Reset()
	require.Zero(t, cli.Run([]string{"simulate", "--quiet", "outage.yaml"}, env))
	assert.Empty(t, problems.String())
	env.Now = ticking(time.Microsecond)
	require.Zero(t, cli.Run([]string{"simulate", "outage.yaml"}, env))
	assert.Empty(t, problems.String(), "a short run shows none")
}

// interrupted runs simulate with a context that ends when a run is under way: when progress
// has been shown so many times.
func interrupted(t *testing.T, shown int, args ...string) result {
	t.Helper()
	return interruptedIn(t, cli.Env{Now: ticking(10 * time.Second)}, shown, args...)
}

// interruptedIn is interrupted in an environment that has the rest.
func interruptedIn(t *testing.T, env cli.Env, shown int, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	problems := &counting{after: shown, do: cancel}
	env.Stdout, env.Stderr = &out, problems
	env.Interrupt = func() (context.Context, context.CancelFunc) { return ctx, cancel }
	code := cli.Run(append([]string{"simulate"}, args...), env)
	return result{out.String(), problems.String(), code}
}

// counting calls do at one of its writes.
type counting struct {
	bytes.Buffer
	writes, after int
	do            func()
}

func (c *counting) Write(b []byte) (int, error) {
	if c.writes++; c.writes == c.after {
		c.do()
	}
	return c.Buffer.Write(b)
}

func TestAnInterruptGivesTheReportSoFar(t *testing.T) {
	inDir(t, map[string]string{"outage.yaml": long})
	r := interrupted(t, 2, "outage.yaml", "--out", "report.html")
	assert.Equal(t, 130, r.code)
	assert.Contains(t, r.stderr, "ductile simulate: sim: the run was interrupted at ")
	assert.Contains(t, r.stdout, ", interrupted at ")
	assert.Contains(t, r.stdout, "as_configured: ")
	assert.Contains(t, read(t, "report.html"), "interrupted at")
}

func TestAnInterruptOfAQuestionGivesTheAnswerSoFar(t *testing.T) {
	inDir(t, map[string]string{"outage.yaml": small, "none.yaml": ""})
	r := interrupted(t, 2, "outage.yaml", "--sweep", "seed=1..100")
	assert.Equal(t, 130, r.code)
	assert.Contains(t, r.stdout, "With seed changed")
	assert.Contains(t, r.stderr, "questions: run ")
	for _, question := range []string{"--survive", "--tornado", "--against=none.yaml"} {
		r := interrupted(t, 1, "outage.yaml", question)
		if r.code != 0 { // a small question may be answered before
			assert.Equal(t, 130, r.code, question)
		}
	}
}

func TestAnInterruptBeforeTheRunIsOne(t *testing.T) {
	inDir(t, map[string]string{"outage.yaml": small})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, problems bytes.Buffer
	for _, question := range []string{"--quiet", "--survive", "--tornado", "--sweep=seed=1..3", "--against=outage.yaml"} {
		code := cli.Run([]string{"simulate", "outage.yaml", question}, cli.Env{
			Stdout: &out, Stderr: &problems, Interrupt: func() (context.Context, context.CancelFunc) { return ctx, cancel },
		})
		if question != "--against=outage.yaml" { // a scenario is no configuration
			assert.Equal(t, 130, code, question)
		}
	}
	assert.Empty(t, out.String())
}

func TestTheFilesOfAnExampleAreWrittenOut(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, e := range scenarios.All() {
		dir := filepath.Join("made", e.Name)
		r := simulate("--example", e.Name, "--write", dir)
		require.Zero(t, r.code, r.stderr)
		assert.Contains(t, r.stdout, "ductile simulate "+dir+"/outage.yaml --config "+dir+"/ductile.yaml")
		for _, name := range []string{"README.md", "ductile.yaml", "outage.yaml"} {
			want, err := e.File(name)
			require.NoError(t, err)
			assert.Equal(t, want, read(t, filepath.Join(dir, name)))
		}
		_, err := scenario.Load(ductileconfig.File(dir+"/outage.yaml"), ductileconfig.File(dir+"/ductile.yaml"))
		require.NoError(t, err)
	}
	r := simulate("--example", "sinkhole", "--write", "made/sinkhole")
	assert.Equal(t, 1, r.code)
	assert.Contains(t, r.stderr, "file exists; give another --write DIR")
}

func TestAnExampleRunsAndMeetsItsExpectations(t *testing.T) {
	r := simulate("--example", "retry-storm", "--quiet")
	assert.Zero(t, r.code, r.stderr)
	assert.Contains(t, r.stdout, "plain does not, as_configured does")
}

func TestAFailedExpectationOfAnExampleStandsInItsFile(t *testing.T) {
	inDir(t, map[string]string{"weak.yaml": "circuits: {db: {failure_rate: 100%, window: 1m, min_calls: 100000, recovery_timeout: 2s}}\nbudgets: {web: {}}\npipelines: {web: {retry: {budget: web}}, api: {circuit: db}}\n"})
	r := simulate("--example", "retry-storm", "--config", "weak.yaml", "--quiet")
	assert.Equal(t, 1, r.code)
	assert.Contains(t, r.stderr, "retry-storm/outage.yaml:19:")
	assert.Contains(t, r.stderr, "    19 |   - {variant: as_configured, ")
}

func TestSweptValuesAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]string{
		"a=1..5": "1 2 3 4 5", "a=1,3,5": "1 3 5", "a=10%..90%": "10% 20% 30% 40% 50% 60% 70% 80% 90%", "a=100ms..500ms..200ms": "100ms 300ms 500ms",
		"a=1..1": "1", "a=0.1..0.3..0.1": "0.1 0.2 0.3", "a={x: 1, y: 2},null": "{x: 1, y: 2} null", "a = 1 , 2": "1 2", "a=1s..1m30s..30s": "1s 31s 1m1s",
		"a=5x..10x..5x": "5x 10x", "a=100/s..300/s..100/s": "100/s 200/s 300/s", "a=1..100": "1 13 26 38 51 63 75 88 100",
		"a=10/s..70/s": "10/s 18/s 25/s 33/s 40/s 48/s 55/s 63/s 70/s", "a=1%..4%": "1% 2% 3% 4%", "a=0..19": "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19",
		"a=10000000000..10000000002": "10000000000 10000000001 10000000002", "a=0%..0.00002%..0.00001%": "0% 0.00001% 0.00002%", "a=1..1000000000..1000000000": "1",
		"a=0.1..0.9": "0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9", "a=100ms..500ms": "100ms 150ms 200ms 250ms 300ms 350ms 400ms 450ms 500ms",
	} {
		path, values, problem := cli.SweepOf(text)
		assert.Empty(t, problem, text)
		assert.Equal(t, "a", path)
		assert.Equal(t, want, strings.Join(values, " "), text)
	}
	for text, want := range map[string]string{
		"a": "want a field and its values", "=1": "want a field and its values", "a=": "want a field and its values", "a=1,,2": "a value is empty",
		"a=5..1": "5..1 begins above its end, want 1..5", "a=1..2s": "is no range", "a=x..y": "is no range", "a=1..2..3..4": "too many parts",
		"a=1..9..0": "has no step", "a=1..1e9": "is no range", "a=1..1000000..1": "more than 200 values", "a=1..9..-1": "has no step",
	} {
		_, _, problem := cli.SweepOf(text)
		assert.Contains(t, problem, want, text)
	}
}
