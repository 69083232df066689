package cli

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"github.com/ductile-go/ductile/sim/questions"
	"github.com/ductile-go/ductile/sim/scenarios"
)

func simulateCommand() *command {
	return &command{
		name: "simulate", args: "SCENARIO", summary: "rehearse an outage in virtual time",
		help: `Rehearses the outage of SCENARIO, or -, with the policies of --config and the
scenario's own. Exit code 1 if an expectation fails, 130 if interrupted.`,
		example: "ductile simulate outage.yaml --config ductile.yaml --out report.html",
		run:     runSimulate,
	}
}

// rehearsal is what the command line of simulate asks for.
type rehearsal struct {
	env     Env
	of      *command
	in      *source
	files   []string // SCENARIO
	config  list
	prefix  string
	out     list
	format  string
	seed    seed
	quiet   bool
	from    list
	sweep   list
	survive optional
	tornado optional
	against list
	example string
	list    bool
	write   string
}

func (r *rehearsal) flags() *flags {
	f := newFlags(r.of)
	f.Var(&r.config, "config", "`FILE` of policies; may be repeated, later ones win")
	f.StringVar(&r.prefix, "env", "", "merge the variables that begin with `PREFIX`__, last")
	f.Var(&r.out, "out", "write `FILE`: .html .svg .json .csv .md .txt; may be repeated")
	f.StringVar(&r.format, "format", "text", "print `FORMAT`: text, markdown, github, json or csv")
	f.Var(&r.seed, "seed", "replace the seed by `N`")
	f.BoolVar(&r.quiet, "quiet", false, "print only the verdict and what fails")
	f.Var(&r.from, "from", "rates and times of a console's snapshot, a `FILE`")
	f.Var(&r.sweep, "sweep", "vary `FIELD`, as retry.max_attempts=1..5 or =1,3,5")
	f.Var(&r.survive, "survive", "find the highest utilization that survives; =SERVICE")
	f.Var(&r.tornado, "tornado", "find which setting matters; =MEASURE, as recovery")
	f.Var(&r.against, "against", "compare with `FILE` instead of --config")
	f.StringVar(&r.example, "example", "", "rehearse the example `NAME`")
	f.BoolVar(&r.list, "list", false, "list the examples")
	f.StringVar(&r.write, "write", "", "write the example's files into `DIR`")
	return f
}

func runSimulate(c *command, env Env, args []string) int {
	r := &rehearsal{env: env, of: c, in: newSource(env)}
	f := r.flags()
	files, code, done := f.parse(env, args)
	if done {
		return code
	}
	r.files = files
	switch {
	case !f.oneOf(env, "format", r.format, "text", "markdown", "github", "json", "csv"):
		return exitUsage
	case r.list:
		return r.printExamples()
	}
	if problem, word, known := r.problem(); problem != "" {
		return usageError(env, c.name, problem, word, known)
	}
	if r.write != "" {
		return r.writeExample()
	}
	return r.run()
}

// problem returns what is wrong with the command line, with a word and those that are known
// if the word is unknown.
func (r *rehearsal) problem() (problem, word string, known []string) {
	for _, e := range scenarios.All() {
		known = append(known, e.Name)
	}
	_, err := scenarios.Find(r.example)
	switch {
	case r.example != "" && err != nil:
		return fmt.Sprintf("there is no example %q (--list lists them)", r.example), r.example, known
	case r.example != "" && len(r.files) > 0:
		return fmt.Sprintf("unexpected argument %q beside --example", r.files[0]), "", nil
	case r.write != "" && r.example == "":
		return "--write needs --example NAME", "", nil
	case r.example == "" && len(r.files) == 0:
		return "no SCENARIO is given (--example NAME has one)", "", nil
	case len(r.files) > 1 && r.survive.set && r.survive.value == "":
		return fmt.Sprintf("unexpected argument %q: want one SCENARIO; a service is named with a =, as in --survive=SERVICE", r.files[1]), "", nil
	case len(r.files) > 1 && r.tornado.set && r.tornado.value == "":
		return fmt.Sprintf("unexpected argument %q: want one SCENARIO; a measure is named with a =, as in --tornado=MEASURE", r.files[1]), "", nil
	case len(r.files) > 1:
		return fmt.Sprintf("unexpected argument %q: want one SCENARIO", r.files[1]), "", nil
	}
	return r.question()
}

// question returns what is wrong with the flags that ask a question.
func (r *rehearsal) question() (problem, word string, known []string) {
	var asked []string
	for name, is := range map[string]bool{"--sweep": len(r.sweep) > 0, "--survive": r.survive.set, "--tornado": r.tornado.set, "--against": len(r.against) > 0} {
		if is {
			asked = append(asked, name)
		}
	}
	if len(asked) > 1 {
		return "want only one of --sweep, --survive, --tornado and --against", "", nil
	}
	if len(r.sweep) > 1 {
		return "--sweep is given twice, want one FIELD", "", nil
	}
	if r.tornado.value != "" {
		if _, err := questions.FindMeasure(r.tornado.value); err != nil {
			for _, m := range questions.Measures() {
				known = append(known, m.Name)
			}
			return fmt.Sprintf("--tornado is %q, want %s", r.tornado.value, strings.Join(known, ", ")), r.tornado.value, known
		}
	}
	if len(asked) > 0 && (r.format == "json" || r.format == "csv") {
		return fmt.Sprintf("--format is %s, but %s prints text, markdown or github", r.format, asked[0]), "", nil
	}
	for _, file := range r.out {
		if problem := outProblem(file, len(asked) > 0); problem != "" {
			return problem, "", nil
		}
	}
	return "", "", nil
}

// run answers what is asked.
func (r *rehearsal) run() int {
	s, code := r.open(r.config)
	if s == nil {
		return code
	}
	files, problem := openOut(r.out)
	if problem != "" {
		return r.fail(problem)
	}
	defer files.close()
	ctx, stop := context.Background(), context.CancelFunc(func() {})
	if r.env.Interrupt != nil { // not before: an interrupt ends a command that waits for its input
		ctx, stop = r.env.Interrupt()
	}
	defer stop()
	a := &answer{rehearsal: r, files: files, bar: newProgress(r.env, r.quiet)}
	switch {
	case len(r.sweep) > 0:
		return a.sweep(ctx, s)
	case r.survive.set:
		return a.survive(ctx, s)
	case r.tornado.set:
		return a.tornado(ctx, s)
	case len(r.against) > 0:
		return a.compare(ctx, s)
	}
	return a.simulate(ctx, s)
}

// list is a flag that may be repeated.
type list []string

// String returns the values.
func (l *list) String() string { return strings.Join(*l, ", ") }

// Set adds a value.
func (l *list) Set(v string) error {
	*l = append(*l, v)
	return nil
}

// optional is a flag with or without a value.
type optional struct {
	set   bool
	value string
}

// String returns the value.
func (o *optional) String() string { return o.value }

// Set sets the value, "true" if the flag has none.
func (o *optional) Set(v string) error {
	o.set = v != "false"
	if o.value = v; v == "true" || v == "false" {
		o.value = ""
	}
	return nil
}

// IsBoolFlag says that the flag may stand alone.
func (o *optional) IsBoolFlag() bool { return true }

var _ flag.Value = (*optional)(nil)
