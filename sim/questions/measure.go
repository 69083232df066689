package questions

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ductile-go/ductile/internal/nearest"
	"github.com/ductile-go/ductile/internal/report"
	"github.com/ductile-go/ductile/sim"
)

// Measure is what a question looks at in a result.
type Measure struct {
	Name string // "recovery"
	// Of returns the value, and how it is written.
	Of func(r *sim.Report, x *sim.Result) (value float64, text string)
	// Label writes a value on an axis.
	Label func(v float64) string
}

// The measures. Times are in seconds.
var (
	// Recovery is the time from the end of the faults until calls succeed as before. For
	// a result that does not recover it is the time to the end, which is written "never".
	Recovery = Measure{"recovery", recovery, seconds}
	// SuccessDuring and SuccessAfter are the shares of the calls that succeed.
	SuccessDuring = Measure{"success_during", total(during, sim.Totals.Success, report.Percent), report.Percent}
	SuccessAfter  = Measure{"success_after", total(after, sim.Totals.Success, report.Percent), report.Percent}
	// WorstLoad is the highest requests per call; see [sim.Report.WorstLoad].
	WorstLoad = Measure{"worst_load", worstLoad, report.Times}
	// P99Before and P99During are the 99th percentiles of the time of a call.
	P99Before = Measure{"p99_before", total(before, p99, seconds), seconds}
	P99During = Measure{"p99_during", total(during, p99, seconds), seconds}
)

// Measures returns all measures.
func Measures() []Measure {
	return []Measure{Recovery, SuccessDuring, SuccessAfter, WorstLoad, P99Before, P99During}
}

// FindMeasure returns the measure of a name. Its error names the nearest, and all of them.
func FindMeasure(name string) (Measure, error) {
	var names []string
	for _, m := range Measures() {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return Measure{}, fmt.Errorf("questions: there is no measure %q%s (there are %s)", name, nearest.HintAfter("; ", name, names), strings.Join(names, ", "))
}

func seconds(v float64) string { return report.Span(time.Duration(math.Round(v * 1e9))) }

func p99(t sim.Totals) float64 { return t.P99.Seconds() }

func before(x *sim.Result) sim.Totals { return x.Before }
func during(x *sim.Result) sim.Totals { return x.During }
func after(x *sim.Result) sim.Totals  { return x.After }

// total returns the Of of a measure that looks at the totals of one stretch.
func total(stretch func(*sim.Result) sim.Totals, of func(sim.Totals) float64, write func(float64) string) func(*sim.Report, *sim.Result) (float64, string) {
	return func(_ *sim.Report, x *sim.Result) (float64, string) {
		v := of(stretch(x))
		return v, write(v)
	}
}

func worstLoad(r *sim.Report, x *sim.Result) (float64, string) {
	v := r.WorstLoad(x)
	return v, report.Times(v)
}

func recovery(r *sim.Report, x *sim.Result) (float64, string) {
	if x.Recovery >= 0 {
		return x.Recovery.Seconds(), report.Span(x.Recovery)
	}
	return left(&r.Scenario).Seconds(), "never"
}

// left is the time from the end of the faults to the end of the run.
func left(s *sim.Scenario) time.Duration {
	end := time.Duration(0)
	for _, f := range s.Faults {
		if f.For >= s.Duration-f.At { // the sum of the two may overflow
			return 0
		}
		end = max(end, f.At+f.For)
	}
	return max(s.Duration-end, 0)
}

// named is the name of a variant for people.
func named(variant string) string {
	if variant == "" {
		return "without policies"
	}
	return report.Short(variant)
}
