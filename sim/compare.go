package sim

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ductile-go/ductile/internal/report"
)

// Comparison is the difference between two reports of one outage, for the review of a change.
// Make one with [Compare].
type Comparison struct {
	Old, New *Report
	pairs    []pair
	gone     []string // variants of Old alone
	added    []string // variants of New alone
}

// pair is a variant before and after the change.
type pair struct {
	name     string
	old, new *Result
}

// Compare compares what a change makes of an outage: the variants of one name, and if each
// report has a single variant, those two. Neither report may be changed afterwards.
func Compare(was, is *Report) *Comparison {
	c := &Comparison{Old: was, New: is}
	if len(was.Results) == 1 && len(is.Results) == 1 {
		c.pairs = []pair{{is.Results[0].Variant, was.Results[0], is.Results[0]}}
		return c
	}
	for _, x := range is.Results {
		if old := was.Result(x.Variant); old != nil {
			c.pairs = append(c.pairs, pair{x.Variant, old, x})
		} else {
			c.added = append(c.added, label(x.Variant))
		}
	}
	for _, x := range was.Results {
		if is.Result(x.Variant) == nil {
			c.gone = append(c.gone, label(x.Variant))
		}
	}
	return c
}

// Verdict returns one sentence: which variants are better, and which are worse.
func (c *Comparison) Verdict() string {
	if len(c.pairs) == 0 {
		return "the reports have no variant in common"
	}
	var better, worse, mixed []string
	for _, p := range c.pairs {
		switch up, down := p.changes(c); {
		case up && down:
			mixed = append(mixed, label(p.name))
		case up:
			better = append(better, label(p.name))
		case down:
			worse = append(worse, label(p.name))
		}
	}
	if len(c.pairs) == 1 {
		return c.single(len(better), len(worse), len(mixed))
	}
	var parts []string
	for _, x := range []struct {
		word  string
		names []string
	}{{"worse: ", worse}, {"better: ", better}, {"better in part: ", mixed}} {
		if len(x.names) > 0 {
			parts = append(parts, x.word+report.List(x.names))
		}
	}
	if len(parts) == 0 {
		return "no variant differs much"
	}
	return strings.Join(parts, "; ")
}

// single is the sentence about the only pair.
func (c *Comparison) single(better, worse, mixed int) string {
	p := c.pairs[0]
	word := "no great difference"
	switch {
	case better > 0:
		word = "better"
	case worse > 0:
		word = "worse"
	case mixed > 0:
		word = "better in part"
	}
	return fmt.Sprintf("%s: it was %q, and is %q", word, p.old.verdict(c.Old), p.new.verdict(c.New))
}

// measure is one line of the comparison.
type measure struct {
	name     string
	old, new string
	change   string
	worse    int // 1 if New is worse, -1 if it is better, 0 if the difference is small
}

// changes reports whether something has become better, and something worse.
func (p pair) changes(c *Comparison) (better, worse bool) {
	for _, m := range p.measures(c) {
		better = better || m.worse < 0
		worse = worse || m.worse > 0
	}
	return better, worse
}

// measures are what is compared. Differences are small within what chance explains: a point of
// success, a twentieth of the load, a tenth of a time and of the recovery.
func (p pair) measures(c *Comparison) []measure {
	out := []measure{p.recovery()}
	for _, w := range []struct {
		when     string
		old, new Totals
	}{{"before", p.old.Before, p.new.Before}, {"during", p.old.During, p.new.During}, {"after", p.old.After, p.new.After}} {
		if w.old.Calls == 0 && w.new.Calls == 0 {
			continue
		}
		out = append(out,
			points("success "+w.when, w.old.Success(), w.new.Success()),
			ratio("load "+w.when, w.old.Amplification(), w.new.Amplification(), 0.05, report.Times),
			ratio("p99 "+w.when, w.old.P99.Seconds(), w.new.P99.Seconds(), 0.2, func(v float64) string { return report.Span(inSeconds(v)) }),
		)
	}
	return append(out, ratio("worst load", c.Old.WorstLoad(p.old), c.New.WorstLoad(p.new), 0.05, report.Times))
}

func inSeconds(v float64) time.Duration { return time.Duration(math.Round(v * 1e9)) }

func (p pair) recovery() measure {
	m := measure{name: "recovery", old: recovery(p.old.Recovery), new: recovery(p.new.Recovery)}
	switch a, b := p.old.Recovery, p.new.Recovery; {
	case a < 0 && b < 0:
	case a < 0:
		m.worse, m.change = -1, "recovers now"
	case b < 0:
		m.worse, m.change = 1, "no longer recovers"
	default:
		d := b - a
		if float64(max(d, -d)) > max(0.1*float64(max(a, b)), float64(500*time.Millisecond)) {
			m.worse = int(d / max(d, -d))
		}
		m.change = signed(report.Span(d), d > 0)
	}
	return m
}

func recovery(d time.Duration) string {
	if d < 0 {
		return "never"
	}
	return report.Span(d)
}

func signed(text string, plus bool) string {
	if plus {
		return "+" + text
	}
	return text
}

// points compares shares.
func points(name string, a, b float64) measure {
	m := measure{name: name, old: report.Percent(a), new: report.Percent(b), change: signed(report.Number(100*(b-a), 1)+" points", b > a)}
	switch {
	case b < a-0.01:
		m.worse = 1
	case b > a+0.01:
		m.worse = -1
	}
	return m
}

// ratio compares what had better be low.
func ratio(name string, a, b, small float64, write func(float64) string) measure {
	m := measure{name: name, old: write(a), new: write(b), change: "-"}
	if a > 0 {
		m.change = signed(report.Number(100*(b/a-1), 0)+" %", b > a)
	}
	switch {
	case b > a*(1+small):
		m.worse = 1
	case b < a*(1-small):
		m.worse = -1
	}
	return m
}

// WorstLoad returns the highest requests per call of a result in a stretch of 5 seconds
// since the faults began, relative to good times where services call others: the figure of
// the verdict.
func (r *Report) WorstLoad(x *Result) float64 {
	from, _, _ := r.Scenario.faultSpan()
	return x.worst(from)
}
