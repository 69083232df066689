package sim

import (
	"fmt"
	"math"
	"time"

	"github.com/ductile-go/ductile/internal/report"
)

// worstOver is the length in seconds of the stretch with the worst load: the sums of a single
// second vary with the arrivals.
const worstOver = 5

// faultSpan returns when the first fault begins and the last one ends. ok is false without faults.
func (s *Scenario) faultSpan() (from, to time.Duration, ok bool) {
	for i, f := range s.Faults {
		end := f.end()
		if i == 0 {
			from, to = f.At, end
		}
		from, to = min(from, f.At), max(to, end)
	}
	return from, to, len(s.Faults) > 0
}

// Verdict returns one sentence about the run: which variants recover, how soon, and which
// do not.
func (r *Report) Verdict() string {
	text := r.verdict()
	failed := 0
	for _, c := range r.Checks {
		if !c.OK {
			failed++
		}
	}
	if failed > 0 {
		verb := "fail"
		if failed == 1 {
			verb = "fails"
		}
		text += fmt.Sprintf("; %d of %s %s", failed, report.Count(len(r.Checks), "expectation"), verb)
	}
	return text
}

func (r *Report) verdict() string {
	switch {
	case len(r.Results) == 0:
		return "nothing was run"
	case len(r.Results) == 1:
		return r.Results[0].verdict(r)
	}
	var best, worst *Result
	var lost []string
	for _, x := range r.Results {
		switch {
		case x.Recovery < 0:
			lost = append(lost, label(x.Variant))
		case best == nil:
			best, worst = x, x
		default:
			if x.Recovery < best.Recovery {
				best = x
			}
			if x.Recovery > worst.Recovery {
				worst = x
			}
		}
	}
	from, to, faulty := r.Scenario.faultSpan()
	end := r.end()
	switch {
	case !faulty, end <= from, to >= end:
		return r.together(end, from, faulty)
	case len(lost) == 0 && worst.Recovery == 0:
		return fmt.Sprintf("%s variants recover at once", all(len(r.Results)))
	case len(lost) == 0:
		return fmt.Sprintf("%s variants recover: %s", all(len(r.Results)), extremes(best, worst))
	case best == nil:
		return fmt.Sprintf("none of %d variants recovers before the end, %s after the fault", len(r.Results), report.Span(end-to))
	}
	names := report.List(lost)
	if len(lost) > 3 {
		names = fmt.Sprintf("%d of %d variants", len(lost), len(r.Results))
	}
	text := "not all variants recover: " + names + report.Plural(len(lost), " does not, ", " do not, ")
	switch {
	case len(lost) == len(r.Results)-1:
		return text + label(best.Variant) + " does, " + soon(best.Recovery)
	case worst.Recovery == 0:
		return text + "the others do, at once"
	}
	return text + "the others do: " + extremes(best, worst)
}

// together describes runs that end before or during the fault, or have none.
func (r *Report) together(end, from time.Duration, faulty bool) string {
	low, high := r.Results[0], r.Results[0]
	for _, x := range r.Results {
		if s := x.stretch(from, end).success(); s < low.stretch(from, end).success() {
			low = x
		} else if s > high.stretch(from, end).success() {
			high = x
		}
	}
	what := "no fault"
	switch {
	case faulty && end <= from:
		what = "interrupted before the fault"
	case faulty:
		what = "the fault lasts to the end"
	}
	a, b := low.stretch(from, end).success(), high.stretch(from, end).success()
	if report.Percent(a) == report.Percent(b) {
		return fmt.Sprintf("%s: %s succeed in each of %d variants", what, report.Percent(a), len(r.Results))
	}
	return fmt.Sprintf("%s: from %s (%s) to %s (%s) succeed", what, report.Percent(a), label(low.Variant), report.Percent(b), label(high.Variant))
}

func extremes(best, worst *Result) string {
	if best == worst || best.Recovery == worst.Recovery {
		return label(best.Variant) + " " + soon(best.Recovery)
	}
	return fmt.Sprintf("%s %s, %s %s", label(best.Variant), soon(best.Recovery), label(worst.Variant), soon(worst.Recovery))
}

func all(n int) string {
	if n == 2 {
		return "both"
	}
	return fmt.Sprintf("all %d", n)
}

func soon(recovery time.Duration) string {
	if recovery == 0 {
		return "at once"
	}
	return report.Span(recovery) + " after the fault"
}

// end is when the run ended.
func (r *Report) end() time.Duration {
	if at := r.interrupted(); at > 0 {
		return at
	}
	return r.Scenario.Duration
}

// verdict returns the sentence of a result, or makes it if it has none.
func (x *Result) verdict(r *Report) string {
	if x.Verdict != "" {
		return x.Verdict
	}
	return verdictOf(&r.Scenario, x, r.interrupted())
}

// verdictOf returns the sentence about one variant. interrupted is 0 for a whole run.
func verdictOf(s *Scenario, x *Result, interrupted time.Duration) string {
	end, suffix := s.Duration, ""
	if interrupted > 0 {
		end, suffix = interrupted, fmt.Sprintf(" (interrupted at %s of %s)", report.Span(interrupted.Truncate(time.Microsecond)), report.Span(s.Duration))
	}
	from, to, faulty := s.faultSpan()
	switch worst := x.worst(from); {
	case !faulty:
		whole := x.stretch(s.Warmup, end)
		return fmt.Sprintf("no fault: %s succeed at %s the load", report.Percent(whole.success()), report.Times(whole.load(x.base()))) + suffix
	case end <= from:
		return fmt.Sprintf("no fault yet: %s succeed", report.Percent(x.stretch(s.Warmup, end).success())) + suffix
	case to >= end:
		during := x.stretch(from, end)
		return fmt.Sprintf("the fault lasts to the end: %s succeed during it at %s the load", report.Percent(during.success()), report.Times(during.load(x.base()))) + suffix
	case x.Recovery < 0:
		return x.lost(end, to) + suffix
	case x.unharmed():
		return x.survived(worst) + suffix
	case x.Recovery == 0:
		return fmt.Sprintf("recovers at once; %s succeed during the fault, at worst %s the load", report.Percent(x.During.Success()), report.Times(worst)) + suffix
	default:
		return fmt.Sprintf("recovers %s; at worst %s the load", soon(x.Recovery), report.Times(worst)) + suffix
	}
}

// lost describes a result that has not recovered. It is metastable if it is not getting
// better: what keeps it down is not the fault any more, but its own load.
func (x *Result) lost(end, to time.Duration) string {
	after := end - to
	half := after / 2
	earlier, last := x.stretch(to, to+half), x.stretch(max(to+half, end-10*time.Second), end)
	now := fmt.Sprintf("%s succeed at %s the load", report.Percent(last.success()), report.Times(last.load(x.base())))
	if after >= 10*time.Second && last.success() <= earlier.success()+0.05 {
		return fmt.Sprintf("never recovers: %s after the fault %s (metastable)", report.Span(after), now)
	}
	return fmt.Sprintf("has not recovered by the end, %s after the fault: %s", report.Span(after), now)
}

// unharmed reports whether as many calls succeed during and after the faults as before.
func (x *Result) unharmed() bool {
	before := x.Before.Success()
	return x.Recovery == 0 && x.During.Success() >= before-0.01 && x.After.Success() >= before-0.01
}

// slower reports whether p99 has more than doubled during the faults.
func (x *Result) slower() bool { return x.Before.P99 > 0 && x.During.P99 > 2*x.Before.P99 }

// survived is the sentence of an unharmed result.
func (x *Result) survived(worst float64) string {
	text, cost := "unharmed", "at worst "+report.Times(worst)+" the load"
	if x.slower() {
		text = fmt.Sprintf("as many calls succeed as before; p99 rises from %s to %s", report.Span(x.Before.P99), report.Span(x.During.P99))
		cost = ", " + cost
	} else {
		cost = "; " + cost
	}
	if worst > 1.05 {
		return text + cost
	}
	return text
}

// base is how many requests a call makes in good times: more than 1 where services call others.
func (x *Result) base() float64 {
	return max(1, math.Round(load(x.Before.Requests, x.Before.Calls)))
}

// worst is the highest load in a stretch of worstOver seconds since the faults began.
func (x *Result) worst(from time.Duration) float64 {
	worst := 0.0
	first := len(x.Points)
	for i, p := range x.Points {
		if p.At >= from {
			first = i
			break
		}
	}
	for i := first; i < len(x.Points); i++ {
		if i+worstOver > len(x.Points) && i > first {
			break
		}
		worst = max(worst, sum(x.Points[i:min(i+worstOver, len(x.Points))]).load(x.base()))
	}
	return worst
}

// sums are counts over a stretch of time. Success leaves the open calls out.
type sums struct{ calls, succeeded, requests, served, wasted, open int64 }

func (s sums) success() float64          { return share(s.succeeded, max(s.calls-s.open, min(s.calls, 1))) }
func (s sums) load(base float64) float64 { return load(s.requests, s.calls) / base }

func sum(points []Point) (s sums) {
	for _, p := range points {
		s.calls += p.Calls
		s.succeeded += p.Succeeded
		s.requests += p.Requests
		s.served += p.Served
		s.wasted += p.Wasted
	}
	return s
}

// stretch sums the seconds that begin in [from, to).
func (x *Result) stretch(from, to time.Duration) (s sums) {
	first, last := len(x.Points), len(x.Points)
	for i, p := range x.Points {
		if p.At >= from && i < first {
			first = i
		}
		if p.At >= to {
			last = i
			break
		}
	}
	first = min(first, last)
	s = sum(x.Points[first:last])
	s.open = x.open(first, last)
	return s
}

// open counts the calls of the last second whose outcome is not known.
func (x *Result) open(first, last int) (n int64) {
	for i := first; i < min(last, len(x.seconds)); i++ {
		n += x.seconds[i].open
	}
	return n
}
