package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/internal/report"
	"github.com/ductile-go/ductile/sim"
	"github.com/ductile-go/ductile/sim/questions"
)

// answer runs what is asked, and prints the answer.
type answer struct {
	*rehearsal
	files outs
	bar   *progress
}

// simulate rehearses one scenario.
func (a *answer) simulate(ctx context.Context, s *rehearsed) int {
	report, err := a.rehearse(ctx, s, 0, 1)
	if report == nil {
		return a.ended(err)
	}
	failed := failures(s, report)
	return max(a.give(report, err), a.tell(failed))
}

// rehearse runs a scenario, as part i of n.
func (a *answer) rehearse(ctx context.Context, s *rehearsed, i, n int) (*sim.Report, error) {
	x := s.scenario()
	defer a.bar.end()
	return sim.Run(ctx, x, sim.WithProgress(func(p sim.Progress) {
		variants := max(len(x.Variants), 1)
		at := time.Duration(p.Share() * float64(x.Duration)).Round(100 * time.Millisecond)
		what := fmt.Sprintf("%v of %v", at, x.Duration)
		if variants > 1 {
			what += fmt.Sprintf(", %d variants", variants)
		}
		a.bar.show((float64(i)+p.Share())/float64(n), what)
	}))
}

// asked is the Config of a question.
func (a *answer) asked(name string) questions.Config {
	return questions.Config{Name: name, Progress: func(done, total int) {
		a.bar.show(float64(done)/float64(total), fmt.Sprintf("run %d of %d", done, total))
	}}
}

// give prints an answer, which err may have cut short, and writes it into files.
func (a *answer) give(what written, err error) int {
	a.bar.end()
	code := exitOK
	if err != nil {
		code = a.ended(err)
	}
	printed, kept := a.print(what), a.files.write(what)
	if printed != nil {
		code = max(code, a.fail(printed.Error()))
	}
	if kept != nil {
		code = max(code, a.fail(kept.Error()))
	}
	if kept == nil && !a.quiet {
		for _, f := range a.files {
			fmt.Fprintf(a.env.Stderr, "wrote %s\n", f.Name())
		}
	}
	return code
}

// ended prints why a run ended early.
func (a *answer) ended(err error) int {
	a.bar.end()
	code := a.fail(err.Error())
	if errors.Is(err, context.Canceled) {
		return exitInterrupt
	}
	return code
}

// failures returns the expectations that a report does not meet, and where they stand.
func failures(s *rehearsed, r *sim.Report) []diagnostic {
	var out []diagnostic
	checks := r.Checks
	for i, e := range r.Scenario.Expect {
		for _, x := range r.Results {
			if e.Variant != "" && e.Variant != x.Variant {
				continue
			}
			for _, field := range conditionsOf(e) {
				if len(checks) == 0 {
					return out
				}
				check := checks[0]
				if checks = checks[1:]; check.OK {
					continue
				}
				path := fmt.Sprintf("expect[%d].%s", i, field)
				d := diagnostic{Finding: fault(fmt.Sprintf("%s: want %s; got %s", check.Variant, check.Expected, check.Got))}
				d.Path, d.Code = path, "expectation"
				d.File, d.Line, d.Column = s.Place(path)
				out = append(out, d)
			}
		}
	}
	return out
}

// conditionsOf returns the fields of an expectation in the order in which a report checks
// them.
func conditionsOf(e sim.Expect) []string {
	var out []string
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"recovers_within", e.RecoversWithin > 0}, {"success", e.Success != ""}, {"amplification", e.Amplification != ""},
		{"p50", e.P50 != ""}, {"p99", e.P99 != ""},
	} {
		if f.set {
			out = append(out, f.name)
		}
	}
	return out
}

// tell prints the expectations that failed.
func (a *answer) tell(failed []diagnostic) int {
	for _, d := range failed {
		d.Excerpt = a.in.text.excerpt(d.File, d.Line, d.Column)
		if a.format == "github" {
			github(a.env.Stdout, []diagnostic{d})
			continue
		}
		p := paintOf(Env{Terminal: a.env.ErrTerminal, Environ: a.env.Environ})
		fmt.Fprintf(a.env.Stderr, "%s %s %s\n", p.in(bold, d.place()+":"), p.in(severityColors[d.Severity], "failed:"), report.Clean(d.Text))
		if d.Excerpt != "" {
			fmt.Fprintln(a.env.Stderr, d.Excerpt)
		}
	}
	if len(failed) > 0 {
		return exitFault
	}
	return exitOK
}
