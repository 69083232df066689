package analysis

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ductile-go/ductile/breaker"
)

// Circuit says when a circuit opens and how it recovers.
type Circuit struct {
	Name string `json:"name"`
	Path string `json:"path"`
	// Opens and Recovers are the rules in words.
	Opens    []string `json:"opens"`
	Recovers []string `json:"recovers"`
	// OpensAfter is the least number of calls that opens it if all of them fail.
	OpensAfter Count `json:"opens_after"`
	// NeedsPerSecond is how many calls a second the circuit must see before a rate is
	// judged at all. 0 means that none are judged, or that time does not matter.
	NeedsPerSecond Factor `json:"needs_per_second,omitempty"`
	// FirstProbe is when the first probe may run after the opening: between the two.
	FirstProbe [2]Span `json:"first_probe"`
	// Waits are the open periods without jitter, in their order, up to the longest.
	Waits []Span `json:"waits"`
	// Shadow circuits refuse no call.
	Shadow bool `json:"shadow,omitempty"`
}

func circuitOf(p *part[breaker.Config]) Circuit {
	c := p.cfg
	recovery := max(0, c.RecoveryTimeout)
	circuit := Circuit{
		Name: p.name, Path: p.path, Shadow: c.Shadow,
		Opens: opens(c), Recovers: recovers(c),
		OpensAfter: opensAfter(c),
		FirstProbe: [2]Span{Span(recovery), Span(recovery).scaled(1 + c.RecoveryJitter)},
		Waits:      waits(c),
	}
	if c.MinCalls > 0 && c.Window > 0 {
		circuit.NeedsPerSecond = Factor(float64(c.MinCalls) / c.Window.Seconds())
	}
	return circuit
}

// waits returns the open periods until they grow no more.
func waits(c breaker.Config) []Span {
	wait := Span(max(0, c.RecoveryTimeout))
	all := []Span{wait}
	for limit := Span(c.MaxRecoveryTimeout); wait > 0 && wait < limit; {
		wait = min(wait.times(2), limit)
		all = append(all, wait)
	}
	return all
}

// opens returns the conditions that open a circuit, in words.
func opens(c breaker.Config) []string {
	var all []string
	if n := c.FailureThreshold; n > 0 {
		switch {
		case c.Window > 0 || c.WindowCalls > 0:
			all = append(all, fmt.Sprintf("when %d of %s have failed", n, windowOf(c)))
		case n == 1:
			all = append(all, "at the first failure")
		default:
			all = append(all, fmt.Sprintf("after %d failures in a row", n))
		}
	}
	if c.FailureRate > 0 {
		all = append(all, fmt.Sprintf("when %s of %s have failed, at least %s in all", percent(c.FailureRate), windowOf(c), calls(c.MinCalls)))
	}
	if c.SlowRate > 0 {
		all = append(all, fmt.Sprintf("when %s of %s took %s or longer, at least %s in all",
			percent(c.SlowRate), windowOf(c), Span(c.SlowCall), calls(c.MinCalls)))
	}
	return all
}

func windowOf(c breaker.Config) string {
	if c.Window > 0 {
		return "the calls of the last " + Span(c.Window).String()
	}
	return "the last " + calls(c.WindowCalls)
}

// recovers returns how a circuit leaves the open state, in words.
func recovers(c breaker.Config) []string {
	return []string{firstProbe(c), growth(c), probes(c), verdict(c)}
}

func firstProbe(c breaker.Config) string {
	first := Span(max(0, c.RecoveryTimeout))
	switch {
	case first == 0:
		return "probes at once"
	case c.RecoveryJitter > 0:
		return fmt.Sprintf("first probe after %s to %s", first, first.scaled(1+c.RecoveryJitter))
	}
	return fmt.Sprintf("first probe after %s", first)
}

func growth(c breaker.Config) string {
	all := waits(c)
	switch {
	case c.RecoveryFor != nil:
		return "a function of the program decides how long it stays open"
	case len(all) == 1:
		return "the same wait each time that it reopens"
	}
	texts := make([]string, len(all))
	for i, w := range all {
		texts[i] = w.String()
	}
	if len(texts) > 6 {
		texts = append(append(texts[:4:4], "..."), texts[len(texts)-1])
	}
	return "then doubling while it reopens: " + strings.Join(texts, ", ")
}

func probes(c breaker.Config) string {
	again := Span(max(time.Second, c.RecoveryTimeout))
	return fmt.Sprintf("%s at a time; as many more if none has ended after %s", plural(c.HalfOpenMaxCalls, "probe"), again)
}

func verdict(c breaker.Config) string {
	bad := "fails"
	if c.SlowCall > 0 {
		bad = "fails or is slow"
	}
	if c.ProbeCalls > 0 {
		return fmt.Sprintf("after %s it reopens if %s or more of them failed, and closes otherwise",
			plural(c.ProbeCalls, "probe"), percent(c.ProbeFailureRate))
	}
	if c.SuccessThreshold == 1 {
		return fmt.Sprintf("the first probe that succeeds closes it, one that %s reopens it", bad)
	}
	return fmt.Sprintf("%d successful probes close it, one that %s reopens it", c.SuccessThreshold, bad)
}

func percent(share float64) string {
	return strconv.FormatFloat(share*100, 'g', 6, 64) + "%"
}

func calls(n int) string { return plural(n, "call") }

func plural[N int | Count](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n).String() + " " + noun + "s"
}
