package questions

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ductile-go/ductile/internal/chart"
	"github.com/ductile-go/ductile/internal/report"
	"github.com/ductile-go/ductile/sim"
)

// Swept is the answer of [Sweep].
type Swept struct {
	Name   string
	Points []SweptPoint // in the order of the values
}

// SweptPoint is one value and what it leads to.
type SweptPoint struct {
	Label  string // the value, as fmt.Sprint writes it
	Report *sim.Report
}

// Sweep runs the scenario of each value. with is called for one value after another.
//
// If a scenario is not valid, or ctx ends, it returns the points that are complete and the
// error of the first run that is not.
func Sweep[V any](ctx context.Context, cfg Config, values []V, with func(value V) (sim.Scenario, error)) (*Swept, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return nil, errors.New("questions: Sweep has no values, want at least one")
	}
	r := runs{Config: cfg, total: len(values)}
	reports, err := r.all(ctx, len(values), func(i int) (sim.Scenario, error) {
		s, err := with(values[i])
		if err != nil {
			return s, fmt.Errorf("%v: %w", values[i], err)
		}
		return s, nil
	})
	out := &Swept{Name: cfg.Name}
	for i, rep := range reports {
		if rep != nil {
			out.Points = append(out.Points, SweptPoint{fmt.Sprint(values[i]), rep})
		}
	}
	return out, err
}

// variants are those of the first point.
func (s *Swept) variants() []string {
	var out []string
	if len(s.Points) > 0 {
		for _, x := range s.Points[0].Report.Results {
			out = append(out, x.Variant)
		}
	}
	return out
}

func (s *Swept) name() string {
	if s.Name == "" {
		return "value"
	}
	return report.Short(s.Name)
}

// Verdict returns one sentence: with which values each variant recovers.
func (s *Swept) Verdict() string {
	var parts []string
	for _, v := range s.variants() {
		var well, lost []string
		for _, p := range s.Points {
			switch x := p.Report.Result(v); {
			case x == nil:
			case x.Recovery < 0:
				lost = append(lost, report.Short(p.Label))
			default:
				well = append(well, report.Short(p.Label))
			}
		}
		parts = append(parts, verdictOf(named(v), well, lost))
	}
	if len(parts) == 0 {
		return "nothing was run"
	}
	return "with " + s.name() + " changed, " + strings.Join(parts, "; ")
}

func verdictOf(name string, well, lost []string) string {
	switch {
	case len(lost) == 0:
		return name + " recovers with each value"
	case len(well) == 0:
		return name + " recovers with none"
	}
	return fmt.Sprintf("%s recovers with %s, and not with %s", name, report.List(well), report.List(lost))
}

// table has a row for each value and variant.
func (s *Swept) table() report.Table {
	t := report.Table{Head: []string{s.name(), "variant"}, Wide: true}
	for _, m := range Measures() {
		t.Head = append(t.Head, strings.ReplaceAll(m.Name, "_", " "))
	}
	for _, p := range s.Points {
		for _, x := range p.Report.Results {
			row := []string{report.Short(p.Label), named(x.Variant)}
			for _, m := range Measures() {
				_, text := m.Of(p.Report, x)
				row = append(row, text)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// axis has the values at equal distances.
func (s *Swept) axis() chart.Axis {
	a := chart.Axis{Min: -0.5, Max: float64(len(s.Points)) - 0.5, Label: func(v float64) string { return report.Short(s.Points[int(v)].Label) }}
	for i := 0; i < len(s.Points); i += (len(s.Points) + 9) / 10 {
		a.Ticks = append(a.Ticks, float64(i))
	}
	return a
}

// plots has one for each of some measures.
func (s *Swept) plots() []chart.Drawing {
	var out []chart.Drawing
	for _, x := range []struct {
		title, note string
		Measure
	}{
		{"Recovery", "after the fault; the end of the run for never", Recovery},
		{"Success", "of calls, after the fault", SuccessAfter},
		{"Worst load", "requests per call", WorstLoad},
		{"p99", "of calls, during the fault", P99During},
	} {
		p := &chart.Plot{Heading: chart.Heading{Title: x.title, Note: x.note}, X: s.axis(), Tall: 90}
		most := 0.0
		for i, v := range s.variants() {
			l := chart.Line{Name: named(v), Color: i % 8, Dash: i % 3, Marks: true}
			var told []string
			for j, point := range s.Points {
				if r := point.Report.Result(v); r != nil {
					y, text := x.Of(point.Report, r)
					l.X, l.Y = append(l.X, float64(j)), append(l.Y, y)
					told = append(told, report.Short(point.Label)+" "+text)
					most = max(most, y)
				}
			}
			p.Lines = append(p.Lines, l)
			p.Summary += named(v) + ": " + report.List(told) + ". "
		}
		p.Y = chart.Linear(0, most, 3)
		p.Y.Label = x.Label
		out = append(out, p)
	}
	return out
}
