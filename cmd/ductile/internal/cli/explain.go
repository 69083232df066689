package cli

import (
	"errors"
	"fmt"

	"github.com/ductile-go/ductile/cmd/ductile/internal/analysis"
	"github.com/ductile-go/ductile/registry"
)

func explainCommand() *command {
	return &command{
		name: "explain", args: "FILE [PIPELINE]", summary: "say what a pipeline does at worst",
		help: `Says in words and numbers what a call of PIPELINE, or of each pipeline and
family of FILE, does at worst: how often it runs its function, how long it
takes, how much load it makes, when its circuit opens, and how that recovers.
Bounds are for functions that return when their context ends. FILE may be -.`,
		example: "ductile explain ductile.yaml charge",
		run:     runExplain,
	}
}

func runExplain(c *command, env Env, args []string) int {
	f := newFlags(c)
	format := f.String("format", "text", "print `FORMAT`: text or json")
	prefix := f.String("env", "", "merge the variables that begin with `PREFIX`__, last")
	rest, code, done := f.parse(env, args)
	switch {
	case done:
		return code
	case !f.oneOf(env, "format", *format, "text", "json"):
		return exitUsage
	case len(rest) == 0:
		return usageError(env, c.name, "no FILE is given", "", nil)
	case len(rest) > 2:
		return usageError(env, c.name, fmt.Sprintf("unexpected argument %q: want one FILE and at most one PIPELINE", rest[2]), "", nil)
	}
	spec, faults := newSource(env).load(*prefix, rest[0])
	if faults != nil {
		for _, d := range faults {
			d.text(env.Stderr, false)
		}
		return exitFault
	}
	reports, err := reportsOf(spec, rest[1:])
	if err != nil {
		return usageError(env, c.name, err.Error(), "", nil)
	}
	if *format == "json" {
		writeJSON(env.Stdout, map[string][]analysis.Report{"pipelines": reports})
		return exitOK
	}
	for i, r := range reports {
		if i > 0 {
			fmt.Fprintln(env.Stdout)
		}
		explain(env.Stdout, paintOf(env), r)
	}
	return exitOK
}

// reportsOf returns the report of the named pipeline, or of all.
func reportsOf(spec registry.Spec, names []string) ([]analysis.Report, error) {
	if len(names) == 1 {
		r, err := analysis.Explain(spec, names[0])
		return []analysis.Report{r}, err
	}
	all := analysis.ExplainAll(spec)
	if len(all) == 0 {
		return nil, errors.New("the file has no pipelines and no families")
	}
	return all, nil
}
