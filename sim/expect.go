package sim

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ductile-go/ductile/internal/report"
)

// bound is the condition of an Expect text.
type bound struct {
	op    string
	value float64 // a share, a factor or nanoseconds
	text  string  // as it was given
}

func (b bound) holds(got float64) bool {
	switch b.op {
	case "<=":
		return got <= b.value
	case "<":
		return got < b.value
	case ">=":
		return got >= b.value
	}
	return got > b.value // false for NaN, as all of them
}

// parseBound parses an operator and a number that read reads.
func parseBound(text string, read func(string) (float64, error)) (bound, error) {
	trimmed := strings.TrimSpace(text)
	for _, op := range []string{"<=", ">=", "<", ">"} {
		if rest, ok := strings.CutPrefix(trimmed, op); ok {
			v, err := read(strings.TrimSpace(rest))
			if err == nil && !(v >= 0) {
				err = fmt.Errorf("the number is %v, want 0 or more", v)
			}
			return bound{op, v, op + " " + strings.TrimSpace(rest)}, err
		}
	}
	return bound{}, fmt.Errorf("%q begins with no operator", text)
}

func readShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	number = strings.TrimSpace(number)
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v = hundredth(number, v)
	}
	if err == nil && v > 1 {
		return v, fmt.Errorf("%s is more than 1, or 100%%", text)
	}
	return v, err
}

// hundredth returns a hundredth of a number, v, from its text: 99.9 / 100 is more than 0.999,
// so 999 of 1,000 would be less than 99.9 %.
func hundredth(number string, v float64) float64 {
	if exact, err := strconv.ParseFloat(number+"e-2", 64); err == nil {
		return exact
	}
	return v / 100 // it has an exponent already
}

func readFactor(text string) (float64, error) {
	return strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(text, "x")), 64)
}

func readTime(text string) (float64, error) {
	d, err := time.ParseDuration(text)
	return float64(d), err
}

// condition is one condition of an Expect.
type condition struct {
	field, name, want string
	text              func(*Expect) string
	read              func(string) (float64, error)
	got               func(Totals) float64
	short, exact      func(float64) string
}

const aTime = `an operator and a duration, as "<= 400ms"`

var conditions = []condition{
	{"Success", "success", `an operator and a share, as ">= 99%" or ">= 0.99"`, func(e *Expect) string { return e.Success }, readShare,
		Totals.Success, report.Percent, func(v float64) string { return digits(100*v) + " %" }},
	{"Amplification", "amplification", `an operator and a factor, as "<= 1.2"`, func(e *Expect) string { return e.Amplification }, readFactor,
		Totals.Amplification, report.Times, func(v float64) string { return digits(v) + "x" }},
	{"P50", "p50", aTime, func(e *Expect) string { return e.P50 }, readTime,
		func(t Totals) float64 { return float64(t.P50) }, shortTime, exactTime},
	{"P99", "p99", aTime, func(e *Expect) string { return e.P99 }, readTime,
		func(t Totals) float64 { return float64(t.P99) }, shortTime, exactTime},
}

func digits(v float64) string { return strconv.FormatFloat(v, 'g', 9, 64) }

func shortTime(v float64) string { return report.Span(time.Duration(v)) }
func exactTime(v float64) string { return time.Duration(v).String() }

// unspaced makes a text of package report one that a condition reads.
var unspaced = strings.NewReplacer(" ", "", "min", "m")

// write writes what a run has got. A rounded text that seems to be on the other side of the
// bound is written exactly: 98.97 % are not 99 %.
func (c *condition) write(b bound, value float64) string {
	text := c.short(value)
	if v, err := c.read(unspaced.Replace(text)); err == nil && b.holds(v) != b.holds(value) {
		return c.exact(value)
	}
	return text
}

// checks checks the expectations of a report.
func checks(r *Report) (all []Check) {
	for i := range r.Scenario.Expect {
		e := &r.Scenario.Expect[i]
		for _, x := range r.Results {
			if e.Variant == "" || e.Variant == x.Variant {
				all = append(all, e.check(r, x)...)
			}
		}
	}
	return all
}

func (e *Expect) check(r *Report, x *Result) (all []Check) {
	if e.RecoversWithin > 0 {
		got := "no recovery before the end"
		if x.Recovery >= 0 {
			got = "recovery after " + report.Span(x.Recovery)
		}
		all = append(all, Check{
			Variant: x.Variant, Expected: "recovery within " + report.Span(e.RecoversWithin),
			Got: got, OK: x.Recovery >= 0 && x.Recovery <= e.RecoversWithin,
		})
	}
	t := e.totals(r, x)
	for _, c := range conditions {
		text := c.text(e)
		if text == "" {
			continue
		}
		b, _ := parseBound(text, c.read) // Validate has accepted it
		value, got := math.NaN(), "no calls"
		if t.Calls > 0 {
			value = c.got(t)
			got = c.write(b, value)
		}
		expected := c.name + " " + b.text
		if e.When != "" {
			expected += ", " + e.When
		}
		all = append(all, Check{Variant: x.Variant, Expected: expected, Got: got, OK: b.holds(value)})
	}
	return all
}

// totals returns those of the stretch that e is about.
func (e *Expect) totals(r *Report, x *Result) Totals {
	switch e.When {
	case "before":
		return x.Before
	case "during":
		return x.During
	case "after":
		return x.After
	}
	return x.within(r.Scenario.Warmup, r.end())
}
