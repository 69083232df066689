package questions

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ductile-go/ductile/internal/chart"
	"github.com/ductile-go/ductile/internal/report"
	"github.com/ductile-go/ductile/sim"
)

// Survival is the answer of [Survives].
type Survival struct {
	Name   string
	Limits []Limit // one a variant
	Probes []Probe // the runs, by utilization
}

// Limit is how much utilization a variant survives. The boundary lies between Survived and
// Vulnerable, which are a hundredth apart, or less at the high end.
type Limit struct {
	Variant    string
	Survived   float64 // the highest at which calls recovered; 0 if there is none
	Vulnerable float64 // the lowest at which they did not; 0 if there is none
}

// Probe is one run.
type Probe struct {
	Utilization float64
	Report      *sim.Report
}

// Survives finds, for each variant, the highest utilization from low to high at which an
// outage is survived: calls succeed as before when it has ended ([sim.Result.Recovery] is not
// negative). It bisects to a hundredth. at returns the outage at a utilization; see [At].
//
// Survives assumes that an outage survived at one utilization is survived at every lower one.
// For low and high, 0 means 0.05 and 0.95.
func Survives(ctx context.Context, cfg Config, low, high float64, at func(utilization float64) (sim.Scenario, error)) (*Survival, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if low == 0 {
		low = 0.05
	}
	if high == 0 {
		high = 0.95
	}
	if !(low > 0 && low < high && high <= 10) {
		return nil, fmt.Errorf("questions: Survives from %v to %v, want a low above 0 that is below high, and a high of at most 10", low, high)
	}
	steps := int(math.Ceil((high-low)*100 - 1e-6))
	b := &bisection{runs: runs{Config: cfg}, low: low, high: high, steps: max(steps, 1), at: at, reports: map[int]*sim.Report{}}
	b.total = 2 + int(math.Ceil(math.Log2(float64(b.steps)))) // more with several variants
	err := b.search(ctx)
	return b.survival(), err
}

// bisection probes steps of a hundredth, the last of which ends at high.
type bisection struct {
	runs
	low, high float64
	steps     int
	at        func(float64) (sim.Scenario, error)
	reports   map[int]*sim.Report
	bounds    []bound // one a variant
}

// bound is what is known of a variant: it survives step well, and not step lost.
type bound struct {
	variant    string
	well, lost int // -1 and steps+1 if there is none
}

func (b *bisection) utilization(step int) float64 {
	return min(max(b.low, math.Round((b.low+float64(step)/100)*1e6)/1e6), b.high)
}

func (b *bisection) search(ctx context.Context) error {
	next := []int{0, b.steps}
	for len(next) > 0 {
		reports, err := b.all(ctx, len(next), func(i int) (sim.Scenario, error) { return b.at(b.utilization(next[i])) })
		if err != nil {
			return err
		}
		for i, r := range reports {
			b.reports[next[i]] = r
			b.learn(next[i], r)
		}
		next = b.next()
	}
	return nil
}

// learn narrows the bounds.
func (b *bisection) learn(step int, r *sim.Report) {
	if b.bounds == nil {
		for _, x := range r.Results {
			b.bounds = append(b.bounds, bound{x.Variant, -1, b.steps + 1})
		}
	}
	for i := range b.bounds {
		k := &b.bounds[i]
		switch x := r.Result(k.variant); {
		case x == nil:
		case x.Recovery >= 0 && step < k.lost:
			k.well = max(k.well, step)
		case x.Recovery < 0:
			k.lost = min(k.lost, step)
			k.well = min(k.well, k.lost-1)
		}
	}
}

// next returns the middle of each variant that is not known to a step.
func (b *bisection) next() []int {
	var next []int
	for _, k := range b.bounds {
		if k.well < 0 || k.lost > b.steps || k.lost-k.well <= 1 {
			continue
		}
		if mid := (k.well + k.lost) / 2; b.reports[mid] == nil && !slices.Contains(next, mid) {
			next = append(next, mid)
		}
	}
	return next
}

func (b *bisection) survival() *Survival {
	out := &Survival{Name: b.Name}
	for _, k := range b.bounds {
		l := Limit{Variant: k.variant}
		if k.well >= 0 {
			l.Survived = b.utilization(k.well)
		}
		if k.lost <= b.steps {
			l.Vulnerable = b.utilization(k.lost)
		}
		out.Limits = append(out.Limits, l)
	}
	for step, r := range b.reports {
		out.Probes = append(out.Probes, Probe{b.utilization(step), r})
	}
	slices.SortFunc(out.Probes, func(a, b Probe) int { return cmp.Compare(a.Utilization, b.Utilization) })
	return out
}

// Verdict returns one sentence, such as "vulnerable from 62 % (plain); survives up to 95 %
// (as_configured)".
func (s *Survival) Verdict() string {
	var parts []string
	for _, l := range s.Limits {
		text := l.verdict()
		if len(s.Limits) > 1 {
			text += " (" + named(l.Variant) + ")"
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return "nothing was run"
	}
	return strings.Join(parts, "; ")
}

func (l Limit) verdict() string {
	switch {
	case l.Vulnerable == 0:
		return "survives up to " + report.Percent(l.Survived)
	case l.Survived == 0:
		return "vulnerable at each utilization, from " + report.Percent(l.Vulnerable)
	}
	return "vulnerable from " + report.Percent(l.Vulnerable)
}

func (s *Survival) table() report.Table {
	t := report.Table{Head: []string{"variant", "survives", "vulnerable from"}}
	for _, l := range s.Limits {
		row := []string{named(l.Variant), "-", "-"}
		if l.Survived > 0 {
			row[1] = report.Percent(l.Survived)
		}
		if l.Vulnerable > 0 {
			row[2] = report.Percent(l.Vulnerable)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// plots show recovery by utilization.
func (s *Survival) plots() []chart.Drawing {
	if len(s.Probes) == 0 {
		return nil
	}
	x := chart.Linear(100*s.Probes[0].Utilization, 100*s.Probes[len(s.Probes)-1].Utilization, 5)
	plain := x.Label
	x.Label = func(v float64) string { return plain(v) + " %" }
	p := &chart.Plot{
		Heading: chart.Heading{Title: "Recovery", Note: "by utilization; the end of the run for never", Summary: report.Sentence(s.Verdict())},
		X:       x, Tall: 130,
	}
	most := 0.0
	for i, l := range s.Limits {
		line := chart.Line{Name: named(l.Variant), Color: i % 8, Dash: i % 3, Marks: true}
		for _, probe := range s.Probes {
			if r := probe.Report.Result(l.Variant); r != nil {
				y, _ := Recovery.Of(probe.Report, r)
				line.X, line.Y = append(line.X, 100*probe.Utilization), append(line.Y, y)
				most = max(most, y)
			}
		}
		p.Lines = append(p.Lines, line)
	}
	p.Y = chart.Linear(0, most, 3)
	p.Y.Label = seconds
	return []chart.Drawing{p}
}
