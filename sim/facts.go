package sim

import (
	"fmt"
	"strings"

	"github.com/ductile-go/ductile/internal/report"
)

// fact is one line about a scenario.
type fact struct{ Name, Text string }

// facts describe a scenario in words.
func (r *Report) facts() []fact {
	s := &r.Scenario
	run := fmt.Sprintf("%s, seed %d", report.Span(s.Duration), s.Seed)
	if s.Warmup > 0 {
		run += fmt.Sprintf(", %s of warm-up", report.Span(s.Warmup))
	}
	if r.interrupted() > 0 {
		run += fmt.Sprintf(", interrupted at %s", report.Span(r.Interrupted))
	}
	out := []fact{{"Run", run}}
	for _, c := range s.Clients {
		out = append(out, fact{"Client", c.what()})
	}
	for _, v := range s.Services {
		out = append(out, fact{"Service", v.what()})
	}
	for _, f := range s.Faults {
		out = append(out, fact{"Fault", f.what() + ", " + f.when(s)})
	}
	return out
}

func (c *Client) what() string {
	parts := []string{report.Count(max(c.Replicas, 1), "replica")}
	if c.Rate > 0 {
		parts = append(parts, report.Number(c.Rate, 1)+" calls/s")
	}
	if c.Closed > 0 {
		parts = append(parts, report.Count(c.Closed, "user")+" in a closed loop")
	}
	if c.Burst > 0 {
		parts = append(parts, fmt.Sprintf("a burst of %s each", report.Count(c.Burst, "call")))
	}
	if c.Keys > 0 {
		parts = append(parts, report.Count(c.Keys, "key"))
	}
	text := report.Short(c.Name) + ": " + strings.Join(parts, ", ")
	if c.Calls != "" {
		text += ", to " + report.Short(c.Calls)
	}
	return text
}

func (v *Service) what() string {
	var parts []string
	if v.Handler != nil {
		return report.Short(v.Name) + ": a function"
	}
	if n := max(v.Replicas, 1); n > 1 {
		parts = append(parts, report.Count(n, "replica"))
		if v.Balance != "" {
			parts = append(parts, "balanced by "+strings.ReplaceAll(v.Balance, "_", " "))
		}
	}
	if v.Workers > 0 {
		parts = append(parts, report.Count(v.Workers, "worker"), "a queue of "+report.Thousands(int64(v.Queue)))
	} else {
		parts = append(parts, "no limit of workers")
	}
	if v.ServiceTime.Mean() > 0 {
		parts = append(parts, v.ServiceTime.String())
	}
	if v.HitRatio > 0 {
		parts = append(parts, report.Percent(v.HitRatio)+" from its cache")
	}
	if len(v.Calls) > 0 {
		parts = append(parts, "calls "+report.Short(report.List(v.Calls)))
	}
	return report.Short(v.Name) + ": " + strings.Join(parts, ", ")
}

// what says what goes wrong: "api 10x slower".
func (f *Fault) what() string {
	var parts []string
	add := func(is bool, text string) {
		if is {
			parts = append(parts, text)
		}
	}
	add(f.Down, "down")
	add(f.Slow > 0, report.Number(f.Slow, 1)+"x slower")
	add(f.Errors > 0, report.Percent(f.Errors)+" errors")
	add(f.Hang, "hangs")
	add(f.Capacity != 0, report.Percent(max(f.Capacity, 0))+" of capacity")
	add(f.Partition, "unreachable")
	add(f.Cold, "cold cache")
	if len(parts) == 0 {
		parts = append(parts, "fault")
	}
	name := report.Short(f.Service)
	if f.Replica > 0 {
		name += fmt.Sprintf(" (replica %d)", f.Replica)
	}
	return strings.TrimSpace(name + " " + strings.Join(parts, ", "))
}

func (f *Fault) when(s *Scenario) string {
	switch {
	case f.For <= 0:
		return "at " + report.Span(f.At)
	case f.end() >= s.Duration:
		return "from " + report.Span(f.At) + " to the end"
	}
	return fmt.Sprintf("from %s to %s", report.Span(f.At), report.Span(f.end()))
}
