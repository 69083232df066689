package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"github.com/ductile-go/ductile/proof/command"
	"github.com/ductile-go/ductile/proof/row"
)

// job is one search: a program whose output has rows, or from which rows are made.
type job struct {
	name string
	dir  string
	env  []string
	args []string
	rows func(output string) []row.Row // nil means the rows in the output
	// prepare, if not nil, adapts the job to this machine.
	prepare func(ctx context.Context, j *job)
	// long means that it mostly builds: a short run leaves it out, unless it is named.
	long bool
}

// isOf reports whether only, such as "linear,mutation", has the name of j or the part of
// it before a hyphen. An empty only has all.
func (j job) isOf(only string) bool {
	for name := range strings.SplitSeq(only, ",") {
		if name == "" || j.name == name || strings.HasPrefix(j.name, name+"-") {
			return true
		}
	}
	return false
}

// run runs the job and returns its rows and its output. ok is false if it failed or had
// no rows.
func (j job) run(ctx context.Context) (rows []row.Row, output string, ok bool) {
	if j.prepare != nil {
		j.prepare(ctx, &j)
	}
	cmd := command.Context(ctx, j.args[0], j.args[1:]...)
	cmd.Dir = j.dir
	cmd.Env = append(os.Environ(), j.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	output = out.String()
	collect := j.rows
	if collect == nil {
		collect = held
	}
	rows = collect(output)
	if err != nil || len(rows) == 0 {
		rows = append(rows, row.Row{Searched: j.name, Result: fmt.Sprintf("FAILED: %v", err)})
		return rows, output, false
	}
	return rows, output, true
}

func held(output string) (rows []row.Row) {
	for _, line := range strings.Split(output, "\n") {
		if r, ok := row.Parse(line); ok {
			rows = append(rows, r)
		}
	}
	return rows
}

// jobs returns all searches, with the nth part of the schedules and mutants. An empty
// fuzzTime means the default.
func jobs(seed uint64, short bool, nth int, fuzzTime string) []job {
	size := func(little, much int) string {
		if short {
			return fmt.Sprint(little)
		}
		return fmt.Sprint(much)
	}
	search := func(tag, dir string, flags ...string) []string {
		args := []string{"go", "test", "-count=1", "-v", "-timeout=2h", "-tags=" + tag, "./" + dir, "-args", "-seed", fmt.Sprint(seed)}
		return append(args, flags...)
	}
	all := []job{
		{name: "policies", dir: "..", args: tests("./policytest"), rows: passed("promises of every policy: each of ours in its configs, and broken ones")},
		{name: "linear", args: search("", "linear", "-histories", size(60, 5000))},
		{name: "linear-yields", args: search("ductile_explore", "linear", "-histories", size(25, 2500))},
		{name: "explore", args: []string{
			"go", "test", "-count=1", "-v", "-timeout=2h", "-tags=ductile_explore", "./explore",
			"-args", "-schedules", size(5000, 300_000/nth),
		}},
		{
			name: "traffic", args: append(tests("-tags=ductile_explore"), "./traffic"),
			rows: passed("what a call writes to shared memory, for each row of docs/scaling.md"),
		},
		{name: "storm", args: search("", "storm", "-calls", size(30_000, 1_000_000), "-whole", size(20_000, 1_000_000))},
		{name: "differ", args: search("", "differ", "-schedules", size(300, 5000))},
	}
	for _, t := range targets {
		all = append(all, t.job(cmp.Or(fuzzTime, inputs(short))))
	}
	all = append(all, platforms()...)
	return append(all, mutation(short, nth)...)
}

// inputs returns the default fuzz time. The short version counts inputs, because a fuzzer
// whose time runs out during an input may report a failure.
func inputs(short bool) string {
	if short {
		return "3000x"
	}
	return "60s"
}

// ofOtherBuilds names tests that take seconds for builds of their own, without the mutant.
const ofOtherBuilds = "TestTheReadmesProgramRunsFromAnEmptyFolder,TestSnippetsOfTheDocsAreCompiled,TestABubbleThatStopsIsReportedWithTheStacks"

// mutation returns the jobs that try every nth mutant, with the searches on those that
// survive the tests. The short version tries a few mutants.
func mutation(short bool, nth int) []job {
	args := []string{"go", "run", "./cmd/mutate", "-root", "..", "-explained", "mutants.txt", "-skip", ofOtherBuilds}
	if short {
		return []job{{name: "mutation-retry", args: append(args, "-every", "3", "retry/attempt.go")}}
	}
	args = append(args, "-every", fmt.Sprint(nth))
	var all []job
	for _, changed := range []string{"retry", "breaker", "policy", "pipeline", "bulkhead", "adaptive", "ratelimit", "hedge", "chaos", "coalesce", "cache", "throttle", "registry"} {
		all = append(all, job{name: "mutation-" + changed, args: slices.Concat(args, []string{"-deep", ".", changed})})
	}
	all = append(all, job{
		name: "mutation-gate",
		args: slices.Concat(args, []string{"-tests", "./bulkhead,./adaptive", "-deep", ".", "internal/gate"}),
	})
	return append(all, job{
		name: "mutation-window",
		args: slices.Concat(args, []string{"-tests", "./breaker,./retry", "-deep", ".", "internal/window"}),
	})
}

// platforms returns the jobs that run the library's tests with words of 32 bits, and for
// a machine with weakly ordered memory. An emulator shows the memory order of its host,
// real hardware its own. Both run without cgo, and so without the race detector.
func platforms() []job {
	all := []job{{
		name: "386", dir: "..", env: []string{"GOARCH=386", "CGO_ENABLED=0"}, args: tests("./..."),
		rows: passed("32 bits: the library's tests on 386"), prepare: unlessItRuns, long: true,
	}}
	arm64 := job{name: "arm64", long: true, dir: "..", env: []string{"GOARCH=arm64", "CGO_ENABLED=0"}}
	if qemu, err := exec.LookPath("qemu-aarch64"); err == nil {
		arm64.args = tests("-p=1", "-exec="+qemu, "./...")
		arm64.rows = passed("arm64: the library's tests, emulated; memory is ordered as the host orders it")
	} else {
		arm64.onlyVet("no qemu-aarch64 here")
	}
	return append(all, arm64)
}

// unlessItRuns limits a job to go vet if its programs cannot be started, as on kernels
// without support for 32 bits.
func unlessItRuns(ctx context.Context, j *job) {
	cmd := command.Context(ctx, "go", "test", "-count=1", "-run=^$", "./internal/mono")
	cmd.Dir, cmd.Env = j.dir, append(os.Environ(), j.env...)
	if output, err := cmd.CombinedOutput(); err != nil && strings.Contains(string(output), "exec format error") {
		j.onlyVet("this machine does not run it")
	}
}

// onlyVet makes j build and vet the tests instead of running them.
func (j *job) onlyVet(why string) {
	name := j.name
	j.args = []string{"go", "vet", "-v", "./..."}
	j.rows = func(string) []row.Row {
		return []row.Row{{Searched: name, Amount: "every package", Result: "builds and vets; not run, " + why}}
	}
}

func tests(args ...string) []string {
	return append([]string{"go", "test", "-count=1", "-v"}, args...)
}

var onePassed = regexp.MustCompile(`(?m)^\s*--- PASS: `)

// passed makes a row with the number of tests that passed.
func passed(searched string) func(string) []row.Row {
	return func(output string) []row.Row {
		n := len(onePassed.FindAllString(output, -1))
		if n == 0 {
			return nil
		}
		return []row.Row{{Searched: searched, Amount: fmt.Sprintf("%d tests", n), Result: "all pass"}}
	}
}

// target is a fuzz target.
type target struct {
	dir, name, searched string
}

var targets = []target{
	{"proof/fuzz", "FuzzRetryConfig", "retry.Config: what Validate accepts works"},
	{"proof/fuzz", "FuzzBudgetConfig", "retry.BudgetConfig: what Validate accepts works"},
	{"proof/fuzz", "FuzzTimeoutConfig", "policy.TimeoutConfig: what Validate accepts works"},
	{"proof/fuzz", "FuzzStandardConfig", "pipeline.StandardConfig: what Validate accepts works"},
	{"proof/fuzz", "FuzzBreakerConfig", "breaker.Config: what Validate accepts works"},
	{"proof/fuzz", "FuzzKeyedConfig", "keyed.Config: what Validate accepts works, and stays within its bounds"},
	{"keyed", "FuzzConfig", "keyed.Config: what New makes of any bounds"},
	{"cmd/ductile/internal/cli", "FuzzFiles", "the command line: any file is checked, and explained if it passes"},
	{"console", "FuzzControl", "orders to the console: what is refused moves no circuit"},
	{"sim", "FuzzScenario", "scenarios: none hangs or panics, time moves, and two runs are the same"},
	{"internal/redact", "FuzzNoPasswordOfAURLIsLeft", "secrets in the URLs of texts"},
	{"docs", "FuzzLimitConfig", "the config of the policy in docs/adding-a-policy.md"},
	{"bulkhead", "FuzzConfig", "bulkhead.Config: a gate admits Limit calls, refuses or queues the next"},
	{"adaptive", "FuzzConfig", "adaptive.Config: the limit stays within Min and Max"},
	{"ratelimit", "FuzzConfig", "ratelimit.Config: the burst at once, then each token at its time"},
	{"throttle", "FuzzConfig", "throttle.Config: the rate of the formula, and none a window later"},
	{"hedge", "FuzzConfig", "hedge.Config: attempts begin within their bounds, and end"},
	{"coalesce", "FuzzSchedule", "flights beside a model: joins, leaves, ends of every kind, forgotten keys, deadlines"},
	{"registry", "FuzzSpec", "registry.Spec: what is accepted builds, reloads and runs; what is not is refused with its paths"},
	{"ductileconfig", "FuzzLoad", "configuration: what Load accepts builds, and what it refuses has a place"},
	{"observe", "FuzzConfig", "observe.Config: every measurement is counted within its bounds"},
	{"observe", "FuzzHistogram", "observe.Histogram: counts, explicit buckets and quantiles of any durations"},
	{"chaos", "FuzzConfig", "chaos.Config: a call is acted in if its draw is less than the rate"},
	{"cache", "FuzzConfig", "cache.Config: a value is fresh, then stale, then kept, then gone"},
	{"cache", "FuzzCache", "programs of calls, changes and time, beside a model of a cache"},
	{"retry", "FuzzBackoff", "delays: within their bounds"},
	{"breaker", "FuzzCircuit", "a circuit beside a naive model"},
	{"ductilehttp", "FuzzConfig", "ductilehttp.Config: what Validate accepts works"},
	{"ductilehttp", "FuzzClientConfig", "ductilehttp.ClientConfig, and paths: none leaves its base"},
	{"ductilehttp", "FuzzHandlerConfig", "ductilehttp.HandlerConfig, and the header of a time that is left"},
	{"ductilehttp", "FuzzRetryAfter", "the header Retry-After"},
	{"ductilehttp", "FuzzAnswer", "a hostile server: any bytes as its answer"},
	{"ductilegrpc", "FuzzPushback", "what a gRPC server asks a client to wait: any pushback, any RetryInfo"},
	{"ductilestripe", "FuzzConfig", "ductilestripe.Config: what Validate accepts works"},
	{"ductilestripe", "FuzzAnswer", "Stripe's answers: what is made of any bytes"},
}

// job returns the job that fuzzes t for a time, "10s", or a number of inputs, "3000x". A
// fuzzer builds its package, and what that imports, anew. Those of proof/fuzz share theirs.
func (t target) job(long string) job {
	return job{
		name: "fuzz", dir: "../" + t.dir, rows: fuzzed(t.searched), long: t.dir != "proof/fuzz",
		args: []string{"go", "test", "-run=^$", "-fuzz=^" + t.name + "$", "-fuzztime=" + long, "."},
	}
}

var executions = regexp.MustCompile(`execs: (\d+) `)

// fuzzed makes a row with the number of inputs.
func fuzzed(searched string) func(string) []row.Row {
	return func(output string) []row.Row {
		all := executions.FindAllStringSubmatch(output, -1)
		if len(all) == 0 || strings.Contains(output, "FAIL") {
			return nil
		}
		return []row.Row{{
			Searched: "fuzzing: " + searched,
			Amount:   all[len(all)-1][1] + " inputs", Seeds: "the fuzzer's", Result: "nothing found",
		}}
	}
}
