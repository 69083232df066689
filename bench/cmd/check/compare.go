package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/perf/benchmath"

	"github.com/ductile-go/ductile/bench/internal/runs"
)

// finding is what comparing one quantity of one benchmark came to.
type finding struct {
	key        runs.Key
	unit       string
	base, head float64 // medians; of a time, as a multiple of the bare call's
	p          float64 // of the two being the same; 1 where nothing was tested
	loss       bool
}

// compare finds what head does worse than base. A time is a loss when the two
// samples differ beyond noise and the median has grown by more than margin; an
// allocation when every pass has more than any of base had: how often goroutines
// get in each other's way decides about some.
func compare(base, head *runs.Runs, margin float64) (all []finding) {
	for _, key := range head.Order {
		if key.Lib == yardstick || base.ByKey[key] == nil {
			continue
		}
		all = append(all, compareTimes(base, head, key, margin))
		for _, unit := range []string{runs.Allocs, runs.Bytes, runs.Circuit, runs.Conns} {
			b, h := base.ByKey[key][unit], head.ByKey[key][unit]
			if len(b) == 0 || len(h) == 0 {
				continue
			}
			f := finding{key: key, unit: unit, base: median(b), head: median(h), p: 1}
			f.loss = slices.Min(h) > slices.Max(b)+slack(unit, f.base)
			all = append(all, f)
		}
	}
	return all
}

// yardstick is the contender that times are divided by.
const yardstick = "bare"

func compareTimes(base, head *runs.Runs, key runs.Key, margin float64) finding {
	b, h := relative(base, key), relative(head, key)
	f := finding{key: key, unit: runs.Time, base: median(b), head: median(h), p: 1}
	if len(b) == 0 || len(h) == 0 {
		return f
	}
	test := benchmath.AssumeNothing.Compare(runs.Sample(b), runs.Sample(h))
	f.p = test.P
	f.loss = test.P < test.Alpha && f.head > f.base*margin
	return f
}

// slack is the growth that is no loss: none in allocations and connections; in
// bytes, what a pool or a map that happens to grow makes them differ by.
func slack(unit string, base float64) float64 {
	if unit == runs.Allocs || unit == runs.Conns {
		return 0
	}
	return 8 + base/50
}

// relative divides a benchmark's times by the bare call's in the same pass.
// Bare calls take a nanosecond or two, which is little to measure, so it is the
// median over the scenarios that says how fast the machine was.
func relative(rs *runs.Runs, key runs.Key) (times []float64) {
	for pass, t := range rs.ByKey[key][runs.Time] {
		var bares []float64
		for k, values := range rs.ByKey {
			if k.Lib == yardstick && k.Mode == key.Mode && pass < len(values[runs.Time]) {
				bares = append(bares, values[runs.Time][pass])
			}
		}
		if len(bares) > 0 {
			times = append(times, t/median(bares))
		}
	}
	return times
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return benchmath.AssumeNothing.Summary(runs.Sample(values), 0.95).Center
}

// losses keeps the findings that are losses.
func losses(all []finding) (lost []finding) {
	for _, f := range all {
		if f.loss {
			lost = append(lost, f)
		}
	}
	return lost
}

// confirmed keeps the losses that again shows too. Among some eighty times
// tested at 5 %, a few differ by chance; hardly one does so twice.
func confirmed(first, again []finding) (lost []finding) {
	for _, f := range losses(first) {
		if slices.ContainsFunc(again, func(g finding) bool { return g.loss && g.key == f.key && g.unit == f.unit }) {
			lost = append(lost, f)
		}
	}
	return lost
}

// refused returns the losses in scenarios for which no loss has been accepted.
func refused(lost []finding, accepted []string) (kept []finding) {
	for _, f := range lost {
		if !slices.Contains(accepted, f.key.Scenario) {
			kept = append(kept, f)
		}
	}
	return kept
}

// scenarioList reads names that are separated by commas or space.
func scenarioList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// parseMargin reads "10%" or "1.1x", both of which are 1.1.
func parseMargin(s string) (float64, error) {
	number, percent := strings.CutSuffix(s, "%")
	number, times := strings.CutSuffix(number, "x")
	v, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil || percent == times || math.IsNaN(v) || math.IsInf(v, 0):
	case percent && v >= 0:
		return 1 + v/100, nil
	case times && v >= 1:
		return v, nil
	}
	return 0, fmt.Errorf("margin is %q, want a share such as 10%% or a factor such as 2.0x", s)
}

func (f finding) String() string {
	verdict := "ok"
	if f.loss {
		verdict = "LOSS"
	}
	name := fmt.Sprintf("%s/%s/%s", f.key.Scenario, f.key.Lib, f.key.Mode)
	if f.unit == runs.Time {
		return fmt.Sprintf("%-36s %8.2f -> %8.2f bare calls %+6.1f%% p=%.3f  %s",
			name, f.base, f.head, 100*(f.head/f.base-1), f.p, verdict)
	}
	return fmt.Sprintf("%-36s %8.0f -> %8.0f %s  %s", name, f.base, f.head, f.unit, verdict)
}
