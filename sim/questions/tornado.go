package questions

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ductile-go/ductile/internal/chart"
	"github.com/ductile-go/ductile/internal/report"
	"github.com/ductile-go/ductile/sim"
)

// Knob is a setting with a low and a high value around that of the base.
type Knob struct {
	Name      string // "retry.max_attempts"
	Low, High string // the values
	low, high func() (sim.Scenario, error)
}

// NewKnob returns a knob. with returns the base with one setting changed.
func NewKnob[V any](name string, low, high V, with func(value V) (sim.Scenario, error)) Knob {
	return Knob{
		Name: name, Low: fmt.Sprint(low), High: fmt.Sprint(high),
		low:  func() (sim.Scenario, error) { return with(low) },
		high: func() (sim.Scenario, error) { return with(high) },
	}
}

// Sensitivity is the answer of [Tornado].
type Sensitivity struct {
	Measure Measure
	Variant string
	Base    Value
	Effects []Effect // the greatest first
}

// Effect is what a knob does to the measure.
type Effect struct {
	Knob
	AtLow, AtHigh Value
}

// Value is a value of the measure, and how it is written.
type Value struct {
	Number float64
	Text   string
}

// Tornado runs the base, and for each knob the base with its low and its high value. It looks
// at a measure of one variant, "" being the first. It returns nothing but the error if a run
// fails or ctx ends.
func Tornado(ctx context.Context, cfg Config, measure Measure, variant string, base sim.Scenario, knobs ...Knob) (*Sensitivity, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if measure.Of == nil {
		return nil, errors.New("questions: Tornado has no Measure, want one such as Recovery")
	}
	for i, k := range knobs {
		if k.low == nil {
			return nil, fmt.Errorf("questions: Tornado's knob %d is zero, want one of NewKnob", i)
		}
	}
	r := runs{Config: cfg, total: 1 + 2*len(knobs)}
	reports, err := r.all(ctx, r.total, func(i int) (sim.Scenario, error) {
		if i == 0 {
			return base, nil
		}
		k := knobs[(i-1)/2]
		turned, value := k.low, k.Low
		if i%2 == 0 {
			turned, value = k.high, k.High
		}
		s, err := turned()
		if err != nil {
			return s, fmt.Errorf("%s = %s: %w", k.Name, value, err)
		}
		return s, nil
	})
	if err != nil {
		return nil, err
	}
	return sensitivity(measure, variant, knobs, reports)
}

func sensitivity(measure Measure, variant string, knobs []Knob, reports []*sim.Report) (*Sensitivity, error) {
	values := make([]Value, len(reports))
	for i, r := range reports {
		x := r.Results[0]
		if variant != "" {
			x = r.Result(variant)
		}
		if x == nil {
			return nil, fmt.Errorf("questions: Tornado's variant %q is not in the scenario", variant)
		}
		values[i].Number, values[i].Text = measure.Of(r, x)
	}
	out := &Sensitivity{Measure: measure, Variant: variant, Base: values[0]}
	if variant == "" {
		out.Variant = reports[0].Results[0].Variant
	}
	for i, k := range knobs {
		out.Effects = append(out.Effects, Effect{k, values[1+2*i], values[2+2*i]})
	}
	slices.SortStableFunc(out.Effects, func(a, b Effect) int {
		switch x, y := a.size(out.Base), b.size(out.Base); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	return out, nil
}

// size is the distance between the least and the greatest of the three values.
func (e Effect) size(base Value) float64 {
	low, high := e.span(base)
	return high - low
}

func (e Effect) span(base Value) (low, high float64) {
	return min(e.AtLow.Number, e.AtHigh.Number, base.Number), max(e.AtLow.Number, e.AtHigh.Number, base.Number)
}

func (s *Sensitivity) measure() string { return strings.ReplaceAll(s.Measure.Name, "_", " ") }

// Verdict returns one sentence: which knob matters most.
func (s *Sensitivity) Verdict() string {
	if len(s.Effects) == 0 {
		return "no knob was turned"
	}
	e := s.Effects[0]
	if e.size(s.Base) == 0 {
		return "no knob changes the " + s.measure() + ", which is " + s.Base.Text
	}
	return fmt.Sprintf("the %s, %s as it is, depends most on %s: %s with %s, %s with %s",
		s.measure(), s.Base.Text, report.Short(e.Name), e.AtLow.Text, report.Short(e.Low), e.AtHigh.Text, report.Short(e.High))
}

func (s *Sensitivity) table() report.Table {
	t := report.Table{Head: []string{"knob", "low", "leads to", "as it is", "high", "leads to "}, Wide: true}
	for _, e := range s.Effects {
		t.Rows = append(t.Rows, []string{report.Short(e.Name), report.Short(e.Low), e.AtLow.Text, s.Base.Text, report.Short(e.High), e.AtHigh.Text})
	}
	return t
}

func (s *Sensitivity) plots() []chart.Drawing {
	if len(s.Effects) == 0 {
		return nil
	}
	low, high := math.Inf(1), math.Inf(-1)
	b := &chart.Bars{Heading: chart.Heading{Title: "What " + s.measure() + " depends on", Note: "of " + named(s.Variant), Summary: report.Sentence(s.Verdict())}, Base: s.Base.Number}
	for _, e := range s.Effects {
		l, h := e.span(s.Base)
		low, high = min(low, l), max(high, h)
		b.Rows = append(b.Rows, chart.Bar{
			Label: report.Short(e.Name), Low: e.AtLow.Number, High: e.AtHigh.Number,
			LowLabel: report.Short(e.Low) + ": " + e.AtLow.Text, HighLabel: report.Short(e.High) + ": " + e.AtHigh.Text,
			Text: fmt.Sprintf("%s: %s with %s, %s with %s", e.Name, e.AtLow.Text, e.Low, e.AtHigh.Text, e.High),
		})
	}
	b.X = chart.Linear(min(low, 0), high, 5)
	b.X.Label = s.Measure.Label
	return []chart.Drawing{b}
}
